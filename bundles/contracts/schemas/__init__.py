"""Schemas in the notation of Metarhia and in the definition language of Impress of 2015.

- `notation` (with its `options`) and `definition_language` parse notations to `nodes`, with the
  types in `scalar_types` and `custom_types`; `schema_files` reads a folder.
- `registry` stores the named schemas; `type_builder` builds the Python type of a node, with
`rules`
  for everything that types cannot express; the kernel converts values to these types.
- `schema` is a compiled schema: `error_places` and `error_texts` write the messages of errors,
  `json_schema` describes it. `texts` and `form_fields` read queries and forms. `schemas` compiles.
"""

from bundles.contracts.schemas.schema import Schema
from bundles.contracts.schemas.schemas import Schemas, compile_definitions, compile_schema

__all__ = ["Schema", "Schemas", "compile_definitions", "compile_schema"]
