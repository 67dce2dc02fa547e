"""JSON Schemas of values without parts, from their description by `msgspec.inspect`."""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from msgspec import inspect as msgspec_inspect

from rxkernel.messages.upload import UploadedFile

JsonSchema = dict[str, Any]

_BASE64 = "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"
_DURATION = (
    "^[+-]?P(?=[0-9T])(?:[0-9]{1,6}D)?"
    "(?:T(?=[0-9])(?:[0-9]{1,6}H)?(?:[0-9]{1,6}M)?(?:[0-9]{1,6}(?:[.][0-9]{1,6})?S)?)?$"
)
_TIME = (
    "^(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:[.][0-9]{1,6})?"
    "(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])?$"
)
_DECIMAL = "^[+-]?(?:[0-9]{1,3000}[.]?[0-9]{0,3000}|[.][0-9]{1,3000})(?:[eE][+-]?[0-9]{1,3})?$"
_LIMITS = MappingProxyType(
    {
        "ge": "minimum",
        "gt": "exclusiveMinimum",
        "le": "maximum",
        "lt": "exclusiveMaximum",
        "multiple_of": "multipleOf",
        "min_length": "minLength",
        "max_length": "maxLength",
    }
)
_PYTHON_ONLY = re.compile(r"\(\?(?:[aiLmsux]|#|\(|P=)|\\[bB](?=\{)|[*+?}]\+")


def ecma_pattern(pattern: str) -> str | None:
    """Convert the regular expression *pattern* from Python to ECMA-262, which JSON Schema uses;
    None if it has syntax that only Python has."""
    if _PYTHON_ONLY.search(pattern.replace("\\\\", "")):
        return None
    found = re.sub(r"\\([AZ])", lambda m: "^" if m[1] == "A" else "$", pattern)
    return found.replace("(?P<", "(?<")


def scalar_schema(info: Any, *, is_input: bool) -> JsonSchema:
    """Return the schema of a value that is sent, or of one that a client may send.

    A type that JSON Schema does not know, such as `Any`, allows every value.
    """
    read = _READERS.get(type(info))
    return {} if read is None else read(info, is_input)


def literal_schema(values: tuple[Any, ...]) -> JsonSchema:
    """Return the schema of one of *values*."""
    return {"const": values[0]} if len(values) == 1 else {"enum": list(values)}


def _number(kind: str) -> Callable[[Any, bool], JsonSchema]:
    return lambda info, _: {"type": kind, **_limits(info)}


def _limits(info: Any) -> JsonSchema:
    given = {word: getattr(info, name, None) for name, word in _LIMITS.items()}
    return {word: value for word, value in given.items() if value is not None}


def _text(info: msgspec_inspect.StrType, _: bool) -> JsonSchema:
    found = {"type": "string", **_limits(info)}
    pattern = None if info.pattern is None else ecma_pattern(info.pattern)
    return found if pattern is None else {**found, "pattern": pattern}


def _bytes(info: Any, is_input: bool) -> JsonSchema:
    """Lengths count bytes; in base64, 3 bytes are 4 characters."""
    found: JsonSchema = {"type": "string", "contentEncoding": "base64"}
    if info.min_length:
        found["minLength"] = (info.min_length + 2) // 3 * 4
    if info.max_length is not None:
        found["maxLength"] = info.max_length // 3 * 4
    return {**found, "pattern": _BASE64} if is_input else found


def _datetime(info: msgspec_inspect.DateTimeType, _: bool) -> JsonSchema:
    return {"type": "string", "format": "date-time-local" if info.tz is False else "date-time"}


def _time(info: msgspec_inspect.TimeType, _: bool) -> JsonSchema:
    if info.tz is None:
        return {"type": "string", "pattern": _TIME}
    return {"type": "string", "format": "time" if info.tz else "time-local"}


def _duration(_: Any, is_input: bool) -> JsonSchema:
    """Input has no years, months and weeks, which msgspec does not read."""
    found = {"type": "string", "format": "duration"}
    return {**found, "pattern": _DURATION} if is_input else found


def _decimal(_: Any, is_input: bool) -> JsonSchema:
    if is_input:
        return {"type": ["string", "number"], "format": "decimal", "pattern": _DECIMAL}
    return {"type": "string", "format": "decimal"}


def _literal(info: msgspec_inspect.LiteralType, _: bool) -> JsonSchema:
    return literal_schema(tuple(info.values))


def _custom(info: msgspec_inspect.CustomType, _: bool) -> JsonSchema:
    return {"type": "string", "format": "binary"} if info.cls is UploadedFile else {}


def _always(**found: Any) -> Callable[[Any, bool], JsonSchema]:
    return lambda _, __: dict(found)


_READERS: Mapping[type, Callable[[Any, bool], JsonSchema]] = MappingProxyType(
    {
        msgspec_inspect.NoneType: _always(type="null"),
        msgspec_inspect.BoolType: _always(type="boolean"),
        msgspec_inspect.IntType: _number("integer"),
        msgspec_inspect.FloatType: _number("number"),
        msgspec_inspect.StrType: _text,
        msgspec_inspect.BytesType: _bytes,
        msgspec_inspect.ByteArrayType: _bytes,
        msgspec_inspect.MemoryViewType: _bytes,
        msgspec_inspect.DateTimeType: _datetime,
        msgspec_inspect.DateType: _always(type="string", format="date"),
        msgspec_inspect.TimeType: _time,
        msgspec_inspect.TimeDeltaType: _duration,
        msgspec_inspect.DecimalType: _decimal,
        msgspec_inspect.UUIDType: _always(type="string", format="uuid"),
        msgspec_inspect.LiteralType: _literal,
        msgspec_inspect.CustomType: _custom,
    }
)
