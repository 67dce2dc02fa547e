"""Describes filters for the documentation, like resolvers do."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from msgspec import inspect

from bundles.resources.filters.conditions import MAX_VALUES, BoundField
from bundles.resources.filters.operators import Operand, Operator
from bundles.resources.filters.value_types import INT64, MAX_TEXT, ValueType
from rxkernel.kernel.json_schemas.scalar_schemas import (
    JsonSchema,
    literal_schema,
    scalar_schema,
)

_MEANINGS: Mapping[str, str] = MappingProxyType(
    {
        "$eq": "equal to this value",
        "$ne": "not equal to this value, or missing",
        "$lt": "less than this value",
        "$lte": "less than or equal to this value",
        "$gt": "greater than this value",
        "$gte": "greater than or equal to this value",
        "$in": "one of these values",
        "$nin": "none of these values, or missing",
        "$like": "matches this pattern, ignoring case; % is any text, _ any character",
        "$contains": "contains this text, ignoring case",
        "$starts": "starts with this text, ignoring case",
        "$null": "missing (true) or not (false)",
    }
)


def field_inputs(field: BoundField) -> Iterator[dict[str, Any]]:
    """Yield the inputs of *field*, one for each operator: ``title``, ``title[$in]``."""
    for name, operator in field.operators.items():
        key = field.name if name == "$eq" else f"{field.name}[{name}]"
        meaning = f"{field.name}: {_MEANINGS[operator.name]}"
        yield described(key, _operand_schema(field.type, operator), meaning)


def described(key: str, schema: JsonSchema, description: str) -> dict[str, Any]:
    """Return an optional parameter as an entry of `InputDescription`."""
    return {
        "source": "params",
        "key": key,
        "schema": schema,
        "required": False,
        "description": description,
    }


def _operand_schema(type_: ValueType, operator: Operator) -> JsonSchema:
    if operator.operand is Operand.FLAG:
        return {"type": "boolean"}
    schema = _value_schema(type_)
    if operator.operand is Operand.VALUES:
        return {"type": "array", "items": schema, "minItems": 1, "maxItems": MAX_VALUES}
    return schema


def _value_schema(type_: ValueType) -> JsonSchema:
    if type_.choices:
        return literal_schema(type_.choices)
    schema = scalar_schema(inspect.type_info(type_.wire), is_input=True)
    if type_.base is int:
        return {"minimum": -INT64, "maximum": INT64 - 1, **schema}
    return {"maxLength": MAX_TEXT, **schema} if type_.base is str else schema
