"""Describes a node as JSON Schema 2020-12, which OpenAPI 3.1 uses."""

from collections.abc import Callable, Mapping
from copy import deepcopy
from types import MappingProxyType
from typing import Any

import msgspec

from bundles.contracts.schemas.nodes import (
    NO_DEFAULT,
    Anything,
    Array,
    Computed,
    Dictionary,
    Enumeration,
    Json,
    Node,
    Reference,
    Scalar,
    Struct,
    Tuple,
    Union,
)
from bundles.contracts.schemas.scalar_annotation import bounds_of
from bundles.contracts.schemas.scalar_types import MAX_FLOAT

Described = dict[str, Any]
RefOf = Callable[[str], str]
"""Returns the URI of a named schema."""

_INTEGER = "-?(0|[1-9][0-9]*)"
_KEYS: Mapping[str, str] = MappingProxyType(
    {
        "integer": f"^{_INTEGER}$",
        "number": rf"^{_INTEGER}(\.[0-9]+)?([eE][+-]?[0-9]+)?$",
        "boolean": "^([tT][rR][uU][eE]|[fF][aA][lL][sS][eE]|1|-?0)$",
    }
)
"""The patterns of keys that are not texts, by their type."""


def describe(node: Node, ref_of: RefOf) -> Described:
    """Return the JSON Schema of the values that a client may send for *node*.

    Functions that check values are not described.
    """
    found = _DESCRIBERS[type(node)](node, ref_of)
    if node.is_nullable and found:
        found = _nullable(found)
    if node.note:
        found["description"] = node.note
    if node.default is not NO_DEFAULT:
        found["default"] = msgspec.to_builtins(node.default, str_keys=True)
    return found


def _nullable(found: Described) -> Described:
    if "enum" in found:
        values = found["enum"]
        return {**found, "enum": values if None in values else [*values, None]}
    if isinstance(found.get("type"), str):
        return {**found, "type": [found["type"], "null"]}
    return {"anyOf": [found, {"type": "null"}]}


def _anything(_: Node, __: RefOf) -> Described:
    return {}


def _json(_: Json, __: RefOf) -> Described:
    return {"type": ["object", "array"]}


def _reference(node: Reference, ref_of: RefOf) -> Described:
    return {"$ref": ref_of(node.name)}


def _scalar(node: Scalar, _: RefOf) -> Described:
    found = deepcopy(dict(node.type.json))
    limits: Mapping[str, Any]
    if node.type.family == "text":
        limits = {
            "minLength": node.shortest,
            "maxLength": node.longest,
            "pattern": node.pattern,
        }
    else:
        low, high = bounds_of(node)
        limits = {"minimum": _finite(low), "maximum": _finite(high)}
    return found | _given(limits)


def _finite(bound: float | None) -> float | None:
    """Return *bound*; None if all numbers of JSON are within it."""
    return None if bound is not None and abs(bound) == MAX_FLOAT else bound


def _given(limits: Mapping[str, Any]) -> Described:
    return {key: value for key, value in limits.items() if value is not None}


def _enumeration(node: Enumeration, _: RefOf) -> Described:
    return {"enum": list(node.values)}


def _struct(node: Struct, ref_of: RefOf) -> Described:
    fields = node.fields.items()
    other = False if node.other is None else describe(node.other, ref_of)
    found: Described = {
        "type": "object",
        "properties": {
            key: describe(f, ref_of) for key, f in fields if not isinstance(f, Computed)
        },
        "required": [key for key, field in fields if field.is_required],
        "additionalProperties": other,
    }
    if not found["required"]:
        del found["required"]
    return found


def _array(node: Array, ref_of: RefOf) -> Described:
    """Describe a list or a set. A set may be sent with equal items, so it has no
    ``uniqueItems``."""
    limits = {"minItems": node.shortest or None, "maxItems": node.longest}
    return {"type": "array", "items": describe(node.item, ref_of), **_given(limits)}


def _dictionary(node: Dictionary, ref_of: RefOf) -> Described:
    limits = {"minProperties": node.shortest or None, "maxProperties": node.longest}
    value = describe(node.value, ref_of)
    found = {"type": "object", "additionalProperties": value, **_given(limits)}
    names = describe(node.key, ref_of)
    type_ = names.pop("type", None)
    if isinstance(type_, str) and type_ in _KEYS:  # all keys are texts in JSON
        found["propertyNames"] = {"pattern": _KEYS[type_]}
    elif names and "string" in (type_ or ""):
        found["propertyNames"] = names
    return found


def _tuple(node: Tuple, ref_of: RefOf) -> Described:
    items = []
    for name, item in node.items:
        found = describe(item, ref_of)
        items.append({"title": name, **found} if name else found)
    shortest = node.required_count
    return {"type": "array", "prefixItems": items, "items": False, "minItems": shortest}


def _union(node: Union, ref_of: RefOf) -> Described:
    return {"anyOf": [describe(each, ref_of) for each in node.alternatives]}


_DESCRIBERS: Mapping[type, Callable[[Any, RefOf], Described]] = MappingProxyType(
    {
        Anything: _anything,
        Computed: _anything,
        Json: _json,
        Reference: _reference,
        Scalar: _scalar,
        Enumeration: _enumeration,
        Struct: _struct,
        Array: _array,
        Dictionary: _dictionary,
        Tuple: _tuple,
        Union: _union,
    }
)
