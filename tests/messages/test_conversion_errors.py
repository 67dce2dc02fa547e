"""The error texts of msgspec; a release that changes one fails here."""

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal, NamedTuple
from uuid import UUID

import msgspec
import pytest
from msgspec import Meta

from rxkernel.messages.conversion_errors import entry_of


class Color(Enum):
    RED = "red"


class Cat(msgspec.Struct, tag="cat"):
    lives: int = 9


class Dog(msgspec.Struct, tag="dog", forbid_unknown_fields=True):
    name: str = ""


class Pixel(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    x: int
    y: int = 0


class Pair(NamedTuple):
    first: int
    second: int = 0


class Outer(msgspec.Struct):
    name: str
    colors: list[Color] = []


def error_of_msgspec(kind: Any, raw: Any, *, lenient: bool = False) -> msgspec.ValidationError:
    with pytest.raises(msgspec.ValidationError) as raised:
        msgspec.convert(raw, kind, strict=not lenient)
    return raised.value


@pytest.mark.parametrize(
    ("kind", "raw", "code", "params"),
    [
        (int, "x", "type", {"expected": "int", "got": "str"}),
        (int | str | None, [], "type", {"expected": "int | str | null", "got": "array"}),
        (Cat | Dog, [], "type", {"expected": "object", "got": "array"}),
        (Annotated[int, Meta(ge=-3)], -4, "too_small", {"ge": -3}),
        (Annotated[int, Meta(gt=1)], 1, "too_small", {"ge": 2}),
        (Annotated[int, Meta(lt=1)], 1, "too_large", {"le": 0}),
        (Annotated[int, Meta(le=1)], 10**300, "too_large", {"le": 1}),
        (Annotated[float, Meta(ge=1)], 0, "too_small", {"ge": 1.0}),
        (Annotated[float, Meta(gt=1e-9)], 0, "too_small", {"gt": 1e-9}),
        (Annotated[float, Meta(le=1)], 2, "too_large", {"le": 1.0}),
        (Annotated[float, Meta(lt=1)], 2, "too_large", {"lt": 1.0}),
        (Annotated[int, Meta(multiple_of=3)], 4, "multiple_of", {"multiple_of": 3}),
        (Annotated[float, Meta(multiple_of=0.5)], 0.7, "multiple_of", {"multiple_of": 0.5}),
        (Annotated[str, Meta(min_length=2)], "a", "too_short", {"min_length": 2}),
        (Annotated[str, Meta(max_length=2)], "aaa", "too_long", {"max_length": 2}),
        (Annotated[bytes, Meta(min_length=2)], "YQ==", "too_short", {"min_length": 2}),
        (Annotated[bytes, Meta(max_length=1)], "YWFh", "too_long", {"max_length": 1}),
        (Annotated[list[int], Meta(min_length=1)], [], "too_short", {"min_length": 1}),
        (Annotated[list[int], Meta(max_length=1)], [1, 2], "too_long", {"max_length": 1}),
        (Annotated[dict[str, int], Meta(min_length=1)], {}, "too_short", {"min_length": 1}),
        (Annotated[dict[str, int], Meta(max_length=0)], {"a": 1}, "too_long", {"max_length": 0}),
        (tuple[int, int], [1], "too_short", {"min_length": 2}),
        (tuple[int, int], [1, 2, 3], "too_long", {"max_length": 2}),
        (Pair, [], "too_short", {"min_length": 1}),
        (Pair, [1, 2, 3], "too_long", {"max_length": 2}),
        (Pixel, [], "too_short", {"min_length": 1}),
        (Pixel, [1, 2, 3], "too_long", {"max_length": 2}),
        (Annotated[str, Meta(pattern="^'`\"\n$")], "x", "pattern", {"pattern": "^'`\"\n$"}),
        (Color, "s3cret", "choice", {}),
        (Literal[1, 2], 3, "choice", {}),
        (Cat | Dog, {"type": "s3cret"}, "choice", {}),
        (datetime, "x", "format", {"expected": "datetime"}),
        (date, "x", "format", {"expected": "date"}),
        (time, "x", "format", {"expected": "time"}),
        (timedelta, "x", "format", {"expected": "duration"}),
        (UUID, "x", "format", {"expected": "uuid"}),
        (UUID, b"x", "format", {"expected": "uuid"}),
        (Decimal, "x", "format", {"expected": "decimal"}),
        (bytes, "*", "format", {"expected": "base64"}),
        (float, 10**400, "out_of_range", {}),
        (Annotated[datetime, Meta(tz=True)], "2026-01-01T00:00:00", "timezone", {"tz": True}),
        (Annotated[datetime, Meta(tz=False)], "2026-01-01T00:00:00Z", "timezone", {"tz": False}),
        (Annotated[time, Meta(tz=True)], "00:00:00", "timezone", {"tz": True}),
    ],
    ids=str,
)
def test_msgspec_error_has_code_and_params(
    kind: Any, raw: Any, code: str, params: dict[str, Any]
) -> None:
    entry = entry_of(error_of_msgspec(kind, raw))

    assert (entry.code, dict(entry.params)) == (code, params)
    assert "s3cret" not in entry.message + entry.path


@pytest.mark.parametrize("kind", [datetime, timedelta])
def test_number_outside_datetime_range_is_out_of_range(kind: Any) -> None:
    assert entry_of(error_of_msgspec(kind, 1e300, lenient=True)).code == "out_of_range"


@pytest.mark.parametrize(
    ("kind", "raw", "code", "path"),
    [
        (Outer, {"name": 1}, "type", ".name"),
        (list[Outer], [{"name": "a"}, {"name": 1}], "type", "[1].name"),
        (dict[int, str], {"x": "a"}, "type", ""),
        (list[Outer], [{}], "missing", "[0].name"),
        (Dog, {"more": 1}, "unknown_field", ".more"),
        (list[Dog], [{"x" * 200: 1}], "unknown_field", f"[0].{'x' * 50}"),
        (list[Outer], [{"name": "a", "colors": ["no"]}], "choice", "[0].colors[0]"),
    ],
    ids=str,
)
def test_msgspec_error_path_is_the_path_of_the_field(
    kind: Any, raw: Any, code: str, path: str
) -> None:
    entry = entry_of(error_of_msgspec(kind, raw))

    assert (entry.code, entry.path) == (code, path)


@pytest.mark.parametrize("kind", [Color, list[Color]])
def test_value_similar_to_path_is_not_read_as_path(kind: Any) -> None:
    """msgspec quotes the value of an enum, which a client chooses."""
    raw = "x - at `$.s3cret`"

    entry = entry_of(error_of_msgspec(kind, raw if kind is Color else [raw]))

    assert entry.path == ("" if kind is Color else "[0]")


def test_msgspec_error_unknown_is_invalid_without_text() -> None:
    entry = entry_of(msgspec.ValidationError("Something new about 's3cret' - at `$.name`"))

    assert (entry.code, entry.message, entry.path) == ("invalid", "is not valid", ".name")
