"""The scalar types of the notations, with their Python types and JSON Schemas."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Annotated, Any, Literal
from uuid import UUID

import attrs
import msgspec

from bundles.contracts.schemas.quantities import parse_duration, parse_size
from rxkernel import validated_by

Family = Literal["text", "integer", "number", "other"]
"""The options of a type: ``text`` has a length and a pattern, ``integer`` and ``number`` a
range."""

MAX_FLOAT = 1.7976931348623157e308
"""The largest finite number; JSON has no others."""

_DECIMAL = r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$"
_SIZE = r"^\s*[0-9]{1,18}\s*$|^(\s*[0-9]{1,18}\s*[kmgtpeKMGTPE][bB])+\s*$"
_DURATION = r"^(\s*[0-9]{1,12}\s*[dhms])+\s*$"
"""The patterns for JSON Schema; `quantities` parses sizes and durations."""

_LONGEST_DURATION = timedelta.max // timedelta(milliseconds=1)

_MAX_SINGLE = 3.4028234663852886e38


@attrs.frozen(eq=False)
class ScalarType:
    """A scalar type; ``low`` and ``high`` are the range of a number.

    ``type`` is the annotation of a type that is not a number; ``json`` is its JSON Schema.
    ``base`` is the type of the notation that a type of an application extends. ``metadata`` has
    its type in a database, such as ``{"pg": "inet"}``.
    """

    name: str
    family: Family
    type: Any = None
    low: float | None = None
    high: float | None = None
    json: Mapping[str, Any] = MappingProxyType({})
    base: str = ""
    metadata: Mapping[str, str] = MappingProxyType({})


def _text(name: str, **json: Any) -> ScalarType:
    return ScalarType(name, "text", str, json={"type": "string", **json})


def _integer(name: str, low: int | None = None, high: int | None = None) -> ScalarType:
    return ScalarType(name, "integer", int, low, high, {"type": "integer"})


def _number(name: str, high: float = MAX_FLOAT) -> ScalarType:
    return ScalarType(name, "number", float, -high, high, {"type": "number"})


def _other(name: str, type_: Any, **json: Any) -> ScalarType:
    return ScalarType(name, "other", type_, json=json)


def _formatted(name: str, type_: Any, format_: str) -> ScalarType:
    return _other(name, type_, type="string", format=format_)


SCALAR_TYPES: Mapping[str, ScalarType] = MappingProxyType(
    {
        each.name: each
        for each in (
            _text("string"),
            _text("text"),
            _number("number"),
            _number("f32", _MAX_SINGLE),
            _number("f64"),
            _other("boolean", bool, type="boolean"),
            _integer("bigint"),
            _integer("int"),
            *(_integer(f"i{n}", -(2 ** (n - 1)), 2 ** (n - 1) - 1) for n in (8, 16, 32, 64)),
            *(_integer(f"u{n}", 0, 2**n - 1) for n in (8, 16, 32, 64)),
            _other(
                "char",
                Annotated[str, msgspec.Meta(min_length=1, max_length=1)],
                type="string",
                minLength=1,
                maxLength=1,
            ),
            _other(
                "money", Decimal, type=["string", "number"], format="decimal", pattern=_DECIMAL
            ),
            _formatted("date", date, "date"),
            _formatted("time", time, "time"),
            _formatted("datetime", datetime, "date-time"),
            _formatted("uuid", UUID, "uuid"),
            _other("buffer", bytes, type="string", contentEncoding="base64"),
        )
    }
)
"""The types in the documentation of Metarhia's notation. Its code has only the first few."""

DEFINITION_TYPES: Mapping[str, ScalarType] = MappingProxyType(
    {
        "string": SCALAR_TYPES["string"],
        "file": _text("file"),
        "number": SCALAR_TYPES["number"],
        "boolean": SCALAR_TYPES["boolean"],
        "size": _other(
            "size",
            Annotated[int | str, validated_by(parse_size)],
            type=["integer", "string"],
            minimum=0,
            pattern=_SIZE,
        ),
        "duration": _other(
            "duration",
            Annotated[int | float | str, validated_by(parse_duration)],
            type=["number", "string"],
            minimum=0,
            maximum=_LONGEST_DURATION,
            pattern=_DURATION,
        ),
    }
)
"""The types of the definition language of 2015."""
