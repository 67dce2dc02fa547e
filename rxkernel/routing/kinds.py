"""The kinds of path parameters: which texts they match, and how a text becomes a value."""

import math
import re
import uuid
from collections.abc import Callable
from decimal import Decimal
from types import MappingProxyType

import attrs

LITERAL_RANK, MIXED_RANK = 0, 1
OWN_RANK = 5
"""The rank of the first converter of an application; the others follow."""

_STR_RANK = 1 << 30


def plain_text(value: object) -> str | None:
    """Return the text of a str, an int, a float or a UUID in a path; None for other types, and
    for a str with a NUL or a lone surrogate."""
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            return None
        return None if "\0" in value else str.__str__(value)
    if isinstance(value, float):
        return f"{Decimal(repr(float(value))):f}" if math.isfinite(value) else None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(int(value)) if value.bit_length() < 4096 else None  # str() rejects longer ones
    return str(value) if isinstance(value, uuid.UUID) else None


@attrs.frozen(eq=False)
class Kind:
    """The kind of one path parameter, compiled from a `Converter` or built in.

    Attributes:
        name: its name in a template; for a pattern, the pattern with its slashes.
        pattern: a regular expression without capturing groups, which the whole text must match.
        to_python: converts a text that matches.
        rank: a lower rank is more specific.
        read: returns the value of a text, or None if the text does not match.
        to_text: returns the text of a value, unchecked; None for a value without a text.
        is_open: whether the length of a text is unlimited, see `Segment`.
    """

    name: str
    pattern: str
    to_python: Callable[[str], object]
    rank: int
    read: Callable[[str], object | None] = attrs.field()
    to_text: Callable[[object], str | None] = attrs.field(default=plain_text, kw_only=True)
    is_open: bool = attrs.field(default=False, kw_only=True)

    @read.default
    def _reader(self) -> Callable[[str], object | None]:
        fullmatch, to_python = re.compile(self.pattern).fullmatch, self.to_python
        return lambda text: None if fullmatch(text) is None else to_python(text)


_INT = re.compile("-?[0-9]{1,18}")


def _read_int(text: str) -> int | None:
    # The common case, without the expression.
    if text.isdecimal() and text.isascii() and len(text) <= 18:
        return int(text)
    return int(text) if _INT.fullmatch(text) else None


def _read_text(text: str) -> str | None:
    return text or None


INT = Kind("int", _INT.pattern, int, 2, _read_int)
UUID = Kind("uuid", "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", uuid.UUID, 3)
# A number of 308 digits is below the largest float; the smallest float has 324 decimals.
FLOAT = Kind("float", r"-?[0-9]{1,308}(?:\.[0-9]{1,324})?", float, 4)
STR = Kind("str", "(?s:.+)", str, _STR_RANK, _read_text, is_open=True)
PATH = Kind("path", "(?s:.+)", str, _STR_RANK + 1, _read_text, is_open=True)
KINDS = MappingProxyType({kind.name: kind for kind in (INT, UUID, FLOAT, STR, PATH)})


def pattern_kind(name: str) -> Kind:
    """Return the kind of a pattern, such as ``/[0-9]+/``; it has the rank of a mixed segment."""
    return Kind(name, name[1:-1], str, MIXED_RANK, is_open=True)
