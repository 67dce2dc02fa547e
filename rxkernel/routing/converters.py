"""The converters of path parameters: what a text must look like, and the value it becomes."""

import math
import re
import uuid
from collections.abc import Callable
from decimal import Decimal
from types import MappingProxyType

import attrs


@attrs.frozen(eq=False)
class Converter:
    """What a parameter accepts, and the value that it becomes.

    *pattern* is a regular expression without capturing groups; a text that fits it whole never
    makes *to_python* fail. The lower *rank*, the more specific. *read* does both: it gives the
    value of a text, or None where the text does not fit.
    """

    name: str
    pattern: str
    to_python: Callable[[str], object]
    rank: int
    read: Callable[[str], object | None] = attrs.field()

    @read.default
    def _reader(self) -> Callable[[str], object | None]:
        fullmatch, to_python = re.compile(self.pattern).fullmatch, self.to_python
        return lambda text: None if fullmatch(text) is None else to_python(text)

    def text(self, value: object) -> str | None:
        """*value*, a text or an already converted value, as it stands in a path; None if unfit."""
        text = _text(value)
        fits = text is not None and re.fullmatch(self.pattern, text)
        return text if fits else None


_INT = re.compile("-?[0-9]{1,18}")


def _read_int(text: str) -> int | None:
    # What most are, for less than the expression costs.
    if text.isdecimal() and text.isascii() and len(text) <= 18:
        return int(text)
    return int(text) if _INT.fullmatch(text) else None


def _read_text(text: str) -> str | None:
    return text or None


INT = Converter("int", _INT.pattern, int, 2, _read_int)
UUID = Converter("uuid", "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", uuid.UUID, 3)
# 308 digits are always below the largest float, 324 decimals reach the smallest.
FLOAT = Converter("float", r"-?[0-9]{1,308}(?:\.[0-9]{1,324})?", float, 4)
STR = Converter("str", "(?s:.+)", str, 5, _read_text)
PATH = Converter("path", "(?s:.+)", str, 6, _read_text)
CONVERTERS = MappingProxyType({c.name: c for c in (INT, UUID, FLOAT, STR, PATH)})


def _text(value: object) -> str | None:
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
