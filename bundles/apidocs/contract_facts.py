"""Describes the arguments and the result of a definition by the schemas of its contract."""

from typing import Any

import attrs

from bundles.apidocs.inputs import BYTES, JSON, TEXT, Body, Input, Inputs, body_media_types
from bundles.contracts import Contract, ContractSchemas, Schemas, TypedSchema
from bundles.contracts import Schema as ContractSchema
from rxkernel import Definition, HttpDefinition, JsonSchemas, Returned, Source

Schema = dict[str, Any]

_WITHOUT_BODY = ("GET", "HEAD", "DELETE")


class ContractFacts:
    """Describes the schemas of contracts. *named* are the named schemas of the application."""

    def __init__(self, schemas: JsonSchemas, named: Schemas) -> None:
        self._schemas = schemas
        self._notations = named
        self._named: dict[str, ContractSchema] = dict(named)

    def added(
        self, contract: Contract, definition: Definition, inputs: Inputs, returned: Returned
    ) -> tuple[Inputs, Returned]:
        """Add the arguments and the result of *contract*.

        Return *inputs* with the arguments that were missing, and *returned* with the schema of
        the result, if the contract has one.
        """
        schemas = ContractSchemas.of(contract, self._notations)
        for each in (schemas.parameters, schemas.returns):
            if each is not None:
                self._named = {**each.references, **self._named}  # includes other collections
        if schemas.parameters is not None:
            inputs = self._inputs(self._described(schemas.parameters), definition, inputs)
        if schemas.returns is not None:
            schema = schemas.returns.json_schema(self._reference)
            returned = attrs.evolve(returned, schema=schema, contents=contents_of(schema))
        return inputs, returned

    def _described(self, parameters: ContractSchema) -> Schema:
        if isinstance(parameters, TypedSchema):
            schemas = self._schemas
            return parameters.described_by(schemas.input, schemas.with_default)
        return parameters.json_schema(self._reference)

    def _inputs(self, schema: Schema, definition: Definition, inputs: Inputs) -> Inputs:
        """Return the arguments: those named in the path are in the path, the others in the query
        or the body, as is usual for the HTTP method."""
        whole = self._schemas.schema_of(schema)
        fields = whole.get("properties")
        if fields is None:
            return attrs.evolve(inputs, body=_body(schema, whole, self._schemas))
        required = whole.get("required", ())
        known = {each.key for each in inputs.inputs if each.source is Source.PARAMS}
        in_path: Any = ()
        if definition.metadata.template_syntax is not None:
            in_path = definition.metadata.template_syntax.parameters
        has_body = not (
            isinstance(definition, HttpDefinition) and definition.method in _WITHOUT_BODY
        )
        as_params = [n for n in fields if n not in known and (n in in_path or not has_body)]
        described = tuple(
            Input(
                source=Source.PARAMS,
                key=name,
                schema=fields[name],
                is_required=name in required,
                description=fields[name].get("description", ""),
            )
            for name in as_params
        )
        inputs = attrs.evolve(inputs, inputs=(*inputs.inputs, *described))
        rest = {n: f for n, f in fields.items() if n not in known and n not in as_params}
        if inputs.body is not None or not rest:
            return inputs
        if len(rest) == len(fields):
            return attrs.evolve(inputs, body=_body(schema, whole, self._schemas))
        needed = [name for name in required if name in rest]
        part = {key: value for key, value in whole.items() if key != "required"}
        part["properties"] = rest
        if needed:
            part["required"] = needed
        return attrs.evolve(inputs, body=_body(part, part, self._schemas))

    def _reference(self, name: str) -> Any:
        """Return a reference to the named schema *name*, which becomes a component."""
        found = self._schemas.add(
            name,
            lambda: self._named[name].json_schema(self._reference),
            f"the schema {name!r} of contracts",
        )
        return found["$ref"]


def contents_of(schema: Schema) -> dict[str, Schema]:
    """Return the schemas of the values by media type: texts and bytes are not sent as JSON."""
    if not schema:
        return {}
    given = schema.get("type")
    types = given if isinstance(given, list) else [given]
    if "string" not in types or "format" in schema:
        return {JSON: schema}
    if "contentEncoding" in schema:
        found = {BYTES: {"type": "string", "format": "binary"}}
    else:
        found = {TEXT: {**schema, "type": "string"}}
    others = [each for each in types if each != "string"]
    return found if not others else {**found, JSON: {"type": others}}


def _body(schema: Schema, whole: Schema, schemas: JsonSchemas) -> Body:
    return Body(
        schema=schema,
        media_types=body_media_types(schema, schemas, takes_files=False),
        is_required=bool(whole.get("required")) or "properties" not in whole,
    )
