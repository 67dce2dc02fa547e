"""Converts the texts of a query, a path or headers to the types of a JSON Schema."""

import re
from collections.abc import Callable, Mapping
from copy import deepcopy
from functools import partial
from typing import Any

Coerce = Callable[[Any], Any]

_INTEGER = re.compile(r"[+-]?[0-9]{1,300}")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")


class Texts:
    """Converts the texts of an object by the ``properties`` of *schema*.

    A text that cannot be converted is unchanged, so that it violates the rule of its type. A
    missing property is set to its ``default``.
    """

    def __init__(self, schema: Any) -> None:
        properties = schema.get("properties") if isinstance(schema, dict) else None
        self._coerces: dict[str, Coerce] = {}
        self._defaults: dict[str, Any] = {}
        for name, rule in (properties or {}).items():
            if isinstance(rule, dict):
                self._coerces[name] = coerce_of(rule)
                if "default" in rule:
                    self._defaults[name] = rule["default"]

    def read(self, texts: Mapping[str, list[Any]]) -> dict[str, Any]:
        """Return the values by name. The value of a name with several texts is a list."""
        values: dict[str, Any] = {}
        for name, given in texts.items():
            value = given[0] if len(given) == 1 else given
            coerce = self._coerces.get(name)
            values[name] = value if coerce is None else coerce(value)
        for name, default in self._defaults.items():
            if name not in values:
                values[name] = deepcopy(default)
        return values


def coerce_of(rule: Mapping[str, Any]) -> Coerce:
    """Return the function that converts a text to the ``type`` of *rule*."""
    types = rule.get("type")
    names: list[Any] = types if isinstance(types, list) else [types]
    if "array" in names:
        items = rule.get("items")
        return partial(_to_list, coerce_of(items) if isinstance(items, dict) else _unchanged)
    conversions = [_CONVERSIONS[name] for name in names if name in _CONVERSIONS]
    if not conversions or "string" in names:
        return _unchanged
    return partial(_first_of, conversions)


def _unchanged(value: Any) -> Any:
    return value


def _to_list(coerce: Coerce, value: Any) -> list[Any]:
    return [coerce(item) for item in (value if isinstance(value, list) else [value])]


def _first_of(conversions: list[Callable[[str], Any]], value: Any) -> Any:
    """Return the result of the first conversion that accepts the text *value*."""
    if isinstance(value, str):
        for convert in conversions:
            try:
                return convert(value)
            except ValueError:
                continue
    return value


def _integer(text: str) -> int:
    if _INTEGER.fullmatch(text) is None:
        raise ValueError(text)
    return int(text)


def _number(text: str) -> int | float:
    if _INTEGER.fullmatch(text) is not None:
        return int(text)
    if _NUMBER.fullmatch(text) is None:
        raise ValueError(text)
    return float(text)


def _boolean(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError(text)
    return text == "true"


def _null(text: str) -> None:
    if text:
        raise ValueError(text)


_CONVERSIONS: Mapping[str, Callable[[str], Any]] = {
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "null": _null,
}
