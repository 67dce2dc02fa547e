"""The description of a method: its parameters, its result and its errors."""

from collections.abc import Iterator
from typing import Any, Protocol

from bundles.contracts import Contract, ContractSchemas, Schemas, TypedSchema, contract_of
from rxkernel import Definition, JsonSchemas, Parameter, Source

JsonSchema = dict[str, Any]

_PREFIX = "#/components/schemas/"
"""The prefix of the references that `JsonSchemas` makes."""

_DEFS = "#/$defs/"


def describe(definition: Definition, named: Schemas | None) -> dict[str, Any]:
    """Return the description of a method; keys without a value are omitted.

    Args:
        named: the named schemas of contracts; None without that bundle.

    Returns:
        ``caption``; ``description``, by default the docstring of a public method; ``parameters``
        and ``returns``, JSON Schemas; ``access``, the kind of the rule of the bundle security, or
        ``public``; ``errors``, the texts by code; ``deprecated``, true or a text.
    """
    contract = (None if named is None else contract_of(definition)) or Contract()
    schemas = _Schemas(definition, contract, named)
    rule: _Rule = definition.options.get("access", _PUBLIC)
    docstring = definition.description if rule.kind == _PUBLIC.kind else ""
    found = {
        "caption": contract.caption,
        "description": contract.description or docstring,
        "parameters": schemas.parameters(),
        "returns": schemas.returns(),
        "access": rule.kind,
        "errors": {str(code): text for code, text in contract.errors.items()},
        "deprecated": contract.deprecated,
    }
    return {key: value for key, value in found.items() if value}


class _Rule(Protocol):
    """The attribute of `Access`, of the bundle security, that is described."""

    @property
    def kind(self) -> str: ...


class _Public:
    kind = "public"


_PUBLIC = _Public()


class _Schemas:
    """The JSON Schemas of one method. Each contains all definitions that it refers to."""

    def __init__(self, definition: Definition, contract: Contract, named: Schemas | None) -> None:
        self._signature = definition.signature
        self._types = JsonSchemas(self._signature.scalars)
        self._contract = ContractSchemas()
        if named is not None:
            self._contract = ContractSchemas.of(contract, named)

    def parameters(self) -> JsonSchema:
        """Return the schema of the arguments; empty if they are not declared."""
        schema = self._contract.parameters
        if schema is None:
            return self._complete(self._of_signature())
        if isinstance(schema, TypedSchema):
            return self._complete(schema.described_by(self._types.input, self._types.with_default))
        return self._with_named(schema)

    def returns(self) -> JsonSchema:
        """Return the schema of the result; empty if it is not declared."""
        if self._contract.returns is not None:
            return self._with_named(self._contract.returns)
        return self._complete(self._types.returned(self._signature).schema or {})

    def _with_named(self, schema: Any) -> JsonSchema:
        described: JsonSchema = schema.json_schema()
        references = {name: each.json_schema() for name, each in schema.references.items()}
        return {**described, "$defs": references} if references else described

    def _of_signature(self) -> JsonSchema:
        properties: dict[str, Any] = {}
        required = []
        for parameter in self._signature.parameters:
            if parameter.source is Source.BODY and not parameter.key:
                return self._types.schema_of(self._types.input(parameter.type))
            for name, schema, is_required in self._fields(parameter):
                properties[name] = schema
                if is_required:
                    required.append(name)
        if not properties:
            return {}
        found = {"type": "object", "properties": properties}
        return {**found, "required": required} if required else found

    def _fields(self, parameter: Parameter) -> Iterator[tuple[str, JsonSchema, bool]]:
        if parameter.source not in (Source.BODY, Source.PARAMS):
            return
        schema = self._types.input(parameter.type)
        whole = self._types.schema_of(schema)
        if parameter.keys != (parameter.key,) and "properties" in whole:
            needed = whole.get("required", ()) if parameter.is_required else ()
            for name, field in whole["properties"].items():
                yield name, field, name in needed
            return
        if not parameter.is_required:
            schema = self._types.with_default(schema, parameter.default)
        yield parameter.key, schema, parameter.is_required

    def _complete(self, schema: JsonSchema) -> JsonSchema:
        """Return *schema* with the schemas of the classes that it refers to."""
        found: JsonSchema = _local(self._types.resolve(schema))
        classes: JsonSchema = _local(self._types.resolve(self._types.components))
        return {**found, "$defs": classes} if found and classes else found


def _local(node: Any) -> Any:
    """Return *node*, a schema or a part of one, with references to its own ``$defs``."""
    if isinstance(node, dict):
        return {
            key: _DEFS + value.removeprefix(_PREFIX) if key == "$ref" else _local(value)
            for key, value in node.items()
        }
    return [_local(each) for each in node] if isinstance(node, list) else node
