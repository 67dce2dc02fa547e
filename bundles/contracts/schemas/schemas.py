"""Compiles notations to schemas."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

import attrs

from bundles.contracts.schemas.custom_types import read_types
from bundles.contracts.schemas.definition_language import DefinitionReader
from bundles.contracts.schemas.error_texts import Text, definition_text, metarhia_text
from bundles.contracts.schemas.json_schema import Described, RefOf
from bundles.contracts.schemas.notation import NotationReader, is_schema_name
from bundles.contracts.schemas.place import Place
from bundles.contracts.schemas.registry import Registry
from bundles.contracts.schemas.schema import Schema
from bundles.contracts.schemas.schema_files import read_folder
from bundles.contracts.schemas.suggestion import suggestion
from rxkernel import ConfigurationError, Validator

_NONE: Mapping[str, Any] = MappingProxyType({})


class Schemas(Mapping[str, Schema]):
    """Named schemas in Metarhia's notation, which may refer to each other by name.

    Args:
        notations: the notations by name; a name begins with a capital letter.
        types: types of your own by name: an annotation of Python, the name of another type, or
            ``{"js": "string", "metadata": …}``.

    Raises:
        ConfigurationError: with every problem of every schema.
    """

    def __init__(
        self, notations: Mapping[str, Any] = _NONE, *, types: Mapping[str, Any] = _NONE
    ) -> None:
        problems = [
            f"schema {name!r}: a name of a schema begins with a capital letter"
            for name in notations
            if not is_schema_name(name)
        ]
        self._types = read_types(types, problems)
        self._registry = Registry()
        reader = NotationReader(self._registry, self._types)
        reader.read_all(notations)
        problems += reader.problems
        self._schemas = _compile_all(self._registry, problems, metarhia_text)

    @classmethod
    def load(cls, folder: Path | str, *, types: Mapping[str, Any] = _NONE) -> Self:
        """Read the schemas of *folder*, one a file, which has the name of the schema.

        ``Person.json`` has the notation as JSON, ``Person.py`` as the variable ``schema``.
        ``.types.json`` or ``.types.py`` has types, beside *types*. Other files are ignored.

        Raises:
            ConfigurationError: with every problem of every file.
        """
        notations, found = read_folder(Path(folder))
        return cls(notations, types={**types, **found})

    def __getitem__(self, name: str) -> Schema:
        return self._schemas[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._schemas)

    def __len__(self) -> int:
        return len(self._schemas)

    def compile(self, notation: Any, place: str = "schema") -> Schema:
        """Compile *notation*, which may refer to these schemas.

        Args:
            place: what the notation is for, for errors: ``"parameters of 'city_get'"``.

        Raises:
            ConfigurationError: with every problem.
        """
        if isinstance(notation, Schema):
            return attrs.evolve(notation, name="")
        reader = NotationReader(self._registry, self._types)
        node = reader.read_one(notation, Place(place, is_named=False))
        problems = reader.problems
        if not problems:
            type_ = self._registry.builder.build(node)
            problems += self._registry.builder.finish()
            if not problems:
                validator = _validator_of(type_, place, problems)
        if problems:
            raise ConfigurationError(*problems)
        return Schema("", type_, node, validator, metarhia_text)

    def json_schemas(self, ref_of: RefOf) -> dict[str, Described]:
        """Return the JSON Schema of each schema; *ref_of* returns the URI for a name."""
        return {name: schema.json_schema(ref_of) for name, schema in self.items()}


def compile_schema(notation: Any, schemas: Schemas | None = None, place: str = "schema") -> Schema:
    """Compile *notation*, see `Schemas.compile`; without *schemas* it refers to no others."""
    return (Schemas() if schemas is None else schemas).compile(notation, place)


def compile_definitions(definitions: Mapping[str, Any], name: str | None = None) -> Schema:
    """Compile *definitions* in the definition language of 2015; return the one of *name*.

    Args:
        name: the definition of the whole value; by default the first one.

    Raises:
        ConfigurationError: with every problem.
    """
    if not isinstance(definitions, Mapping) or not all(isinstance(n, str) for n in definitions):
        raise ConfigurationError(
            f"definitions is {definitions!r}; write a mapping of names, which are texts, to "
            f"definitions"
        )
    registry = Registry()
    reader = DefinitionReader(registry)
    reader.read_all(definitions)
    problems = reader.problems
    root = next(iter(definitions), "") if name is None else name
    if root not in definitions:
        problems.append(f"unknown definition {root!r}{suggestion(root, definitions)}")
    return _compile_all(registry, problems, definition_text)[root]


def _compile_all(registry: Registry, problems: list[str], text: Text) -> dict[str, Schema]:
    """Build the types of all schemas.

    Raises:
        ConfigurationError: with *problems* and all others.
    """
    if not problems:
        problems += registry.check_cycles()
    schemas = {}
    if not problems:
        types = {name: registry.type_of(name) for name in registry.nodes}
        problems += registry.builder.finish()
    if not problems:
        for name, type_ in types.items():
            validator = _validator_of(type_, f"schema {name!r}", problems)
            shown = name if text is metarhia_text else ""
            schemas[name] = Schema(shown, type_, registry.nodes[name], validator, text)
    if problems:
        raise ConfigurationError(*problems)
    return schemas


def _validator_of(type_: Any, place: str, problems: list[str]) -> Validator:
    try:
        return Validator(type_)
    except (TypeError, ValueError) as exc:
        problems.append(f"{place}: {exc}")
        return Validator(Any)
