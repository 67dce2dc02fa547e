"""Converts returned values whose type msgspec does not support as a whole.

msgspec converts each part that it supports. An object becomes a dict of its declared fields; an
instance that holds nothing else is returned unchanged.
"""

from collections.abc import Iterable, Mapping
from operator import is_
from typing import Any

import msgspec

from rxkernel.kernel.binding.containers import ArraySchema, MappingSchema, TupleSchema
from rxkernel.kernel.binding.custom_scalar import CustomScalarSchema
from rxkernel.kernel.binding.model import ModelSchema
from rxkernel.kernel.binding.scalar import ScalarSchema
from rxkernel.kernel.binding.schema import ARRAYS, SCALARS, Schema
from rxkernel.kernel.binding.union import UnionSchema
from rxkernel.kernel.binding.validated import ValidatedSchema
from rxkernel.messages.input_errors import kind_of, wrong_length


def convert_output(schema: Schema, value: Any, place: str = "$") -> Any:
    """Convert *value* to the type of *schema*; *place* is its path in errors.

    Raises:
        msgspec.ValidationError: *value* does not fit.
    """
    if isinstance(schema, ScalarSchema):
        return _by_msgspec(schema.type, value, place)
    if isinstance(schema, CustomScalarSchema):
        return _by_msgspec(schema.scalar.type, value, place)
    if isinstance(schema, ModelSchema):
        return _object(schema, value, place)
    if isinstance(schema, UnionSchema):
        return _alternative(schema, value, place)
    if isinstance(schema, ValidatedSchema):
        return convert_output(schema.inner, value, place)
    if isinstance(schema, MappingSchema):
        return _mapping(schema, value, place)
    assert isinstance(schema, ArraySchema | TupleSchema)
    return _array(schema, value, place)


def _by_msgspec(type_: Any, value: Any, place: str) -> Any:
    try:
        return msgspec.convert(value, type_)
    except msgspec.ValidationError as exc:
        text, _, inner = str(exc).partition(" - at `$")
        raise msgspec.ValidationError(f"{text} - at `{place}{inner or '`'}") from exc


def _wrong_type(expected: str, value: Any, place: str) -> msgspec.ValidationError:
    return msgspec.ValidationError(f"Expected `{expected}`, got `{kind_of(value)}` - at `{place}`")


def _object(schema: ModelSchema, value: Any, place: str) -> Any:
    if not schema.has_unknown_parts:
        return _by_msgspec(schema.make, schema.to_plain(value), place)
    parts = schema.parts_of(value)
    if parts is None:
        raise _wrong_type("object", value, place)
    plain = {}
    for field in schema.outputs:
        if field.key in parts:
            part = parts[field.key]
            plain[field.key] = convert_output(field.schema, part, f"{place}.{field.key}")
        elif field.is_required:
            text = f"Object missing required field `{field.key}` - at `{place}`"
            raise msgspec.ValidationError(text)
        elif field.default is not None:
            plain[field.key] = field.default()
    return schema.with_parts(value, parts, plain)


def _alternative(schema: UnionSchema, value: Any, place: str) -> Any:
    if value is None and schema.is_optional:
        return None
    found = schema.choose_for_instance(value) or schema.scalar
    if found is None:
        raise _wrong_type(schema.title, value, place)
    return convert_output(found, value, place)


def _mapping(schema: MappingSchema, value: Any, place: str) -> Any:
    if not isinstance(value, Mapping):
        raise _wrong_type("object", value, place)
    _check_length("object", len(value), schema.shortest, schema.longest, place)
    inner = f"{place}[...]"
    return {
        convert_output(schema.key, key, inner): convert_output(schema.value, part, inner)
        for key, part in value.items()
    }


def _array(schema: ArraySchema | TupleSchema, value: Any, place: str) -> Any:
    if isinstance(value, (*SCALARS, Mapping)) or not isinstance(value, Iterable):
        raise _wrong_type("array", value, place)
    items = list(value)
    if isinstance(schema, ArraySchema):
        schemas, longest = (schema.item,) * len(items), schema.longest
    else:
        schemas, longest = schema.items, len(schema.items)
    _check_length("array", len(items), schema.shortest, longest, place)
    found = [
        convert_output(part, item, f"{place}[{number}]")
        for number, (part, item) in enumerate(zip(schemas, items, strict=False))
    ]
    return value if isinstance(value, ARRAYS) and all(map(is_, found, items)) else found


def _check_length(kind: str, length: int, shortest: int, longest: int | None, place: str) -> None:
    if (error := wrong_length(kind, length, shortest, longest)) is not None:
        raise msgspec.ValidationError(f"{error.message.capitalize()} - at `{place}`")
