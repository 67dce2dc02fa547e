"""JSON Schema keywords for the rules of `attrs.validators`."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from attrs import validators

from rxkernel.kernel.binding.attrs_validators import OPTIONAL, choices_of, single_validators
from rxkernel.kernel.json_schemas.scalar_schemas import JsonSchema, ecma_pattern

_BOUNDS = MappingProxyType(
    {
        ">=": "minimum",
        ">": "exclusiveMinimum",
        "<=": "maximum",
        "<": "exclusiveMaximum",
    }
)
_LENGTHS = MappingProxyType({"string": "Length", "array": "Items", "object": "Properties"})


def rules_schema(validator: Any, schema: JsonSchema) -> JsonSchema:
    """Return the keywords of *validator*, the validator of a field with *schema*.

    Rules that JSON Schema cannot express are left out.
    """
    found: JsonSchema = {}
    for rule in single_validators(validator):
        inner = rule.validator if type(rule) is OPTIONAL else rule
        for each in single_validators(inner):
            read = _READERS.get(type(each))
            keywords = {} if read is None else read(each, schema)
            if "enum" in keywords and inner is not rule:
                keywords["enum"].append(None)
            found |= keywords
    return found


def _bound(rule: Any, _: JsonSchema) -> JsonSchema:
    return {_BOUNDS[rule.compare_op]: rule.bound} if type(rule.bound) in (int, float) else {}


def _choice(rule: Any, _: JsonSchema) -> JsonSchema:
    choices = choices_of(rule)
    return {} if choices is None else {"enum": choices}


def _pattern(rule: Any, _: JsonSchema) -> JsonSchema:
    pattern = ecma_pattern(rule.pattern.pattern)
    if pattern is None or rule.pattern.flags & ~32:  # 32: re.UNICODE
        return {}
    way = rule.match_func.__name__
    if way == "search":
        return {"pattern": pattern}
    return {"pattern": f"^(?:{pattern})" + ("$" if way == "fullmatch" else "")}


def _longest(rule: Any, schema: JsonSchema) -> JsonSchema:
    return _length("max", rule.max_length, schema)


def _shortest(rule: Any, schema: JsonSchema) -> JsonSchema:
    return _length("min", rule.min_length, schema)


def _length(word: str, limit: int, schema: JsonSchema) -> JsonSchema:
    types = schema.get("type")
    names = [types] if isinstance(types, str) else types or [*_LENGTHS]
    return {f"{word}{_LENGTHS[name]}": limit for name in names if name in _LENGTHS}


_READERS: Mapping[type, Callable[[Any, JsonSchema], JsonSchema]] = MappingProxyType(
    {
        type(validators.ge(0)): _bound,
        type(validators.in_(())): _choice,
        type(validators.matches_re("")): _pattern,
        type(validators.max_len(0)): _longest,
        type(validators.min_len(0)): _shortest,
    }
)
