"""The kinds of parameters that a path can have: which texts fit, and the value they become."""

import math
import re
import uuid
from collections.abc import Callable
from decimal import Decimal
from types import MappingProxyType

import attrs

LITERAL_RANK, MIXED_RANK = 0, 1
OWN_RANK = 5
"""The rank of an application's first converter; the next one has the next number."""

_STR_RANK = 1 << 30


def plain_text(value: object) -> str | None:
    """The text of a str, an int, a float or a UUID in a path; None for anything else, and for a
    text that no path can hold."""
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            return None
        return None if "\0" in value else str.__str__(value)
    if isinstance(value, float):
        return f"{Decimal(repr(float(value))):f}" if math.isfinite(value) else None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(int(value)) if value.bit_length() < 4096 else None  # str() refuses more
    return str(value) if isinstance(value, uuid.UUID) else None


@attrs.frozen(eq=False)
class Kind:
    """What one parameter of a path accepts, compiled from a `Converter` or built in.

    Attributes:
        name: as a template writes it; of a pattern, the pattern between its slashes.
        pattern: a regular expression without capturing groups, which the whole text must match.
        to_python: the value of such a text.
        rank: the lower, the more specific.
        read: the value of a text, or None where the text does not fit.
        to_text: the text of a value or of a text, not checked yet; None for a value without one.
        is_open: whether a text may be as long as a client likes, see `Segment`.
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
    # What most are, for less than the expression costs.
    if text.isdecimal() and text.isascii() and len(text) <= 18:
        return int(text)
    return int(text) if _INT.fullmatch(text) else None


def _read_text(text: str) -> str | None:
    return text or None


INT = Kind("int", _INT.pattern, int, 2, _read_int)
UUID = Kind("uuid", "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", uuid.UUID, 3)
# 308 digits are always below the largest float, 324 decimals reach the smallest.
FLOAT = Kind("float", r"-?[0-9]{1,308}(?:\.[0-9]{1,324})?", float, 4)
STR = Kind("str", "(?s:.+)", str, _STR_RANK, _read_text, is_open=True)
PATH = Kind("path", "(?s:.+)", str, _STR_RANK + 1, _read_text, is_open=True)
KINDS = MappingProxyType({kind.name: kind for kind in (INT, UUID, FLOAT, STR, PATH)})


def pattern_kind(name: str) -> Kind:
    """The kind that a template writes as *name*, ``/[0-9]+/``; it has the rank of a mixture."""
    return Kind(name, name[1:-1], str, MIXED_RANK, is_open=True)
