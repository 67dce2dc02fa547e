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
    makes *to_python* fail. The lower *rank*, the more specific.
    """

    name: str
    pattern: str
    to_python: Callable[[str], object]
    rank: int

    def text(self, value: object) -> str | None:
        """*value*, a text or an already converted value, as it stands in a path; None if unfit."""
        text = _text(value)
        fits = text is not None and re.fullmatch(self.pattern, text)
        return text if fits else None


INT = Converter("int", "-?[0-9]{1,18}", int, 2)
UUID = Converter("uuid", "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", uuid.UUID, 3)
# 308 digits are always below the largest float, 324 decimals reach the smallest.
FLOAT = Converter("float", r"-?[0-9]{1,308}(?:\.[0-9]{1,324})?", float, 4)
STR = Converter("str", "(?s:.+)", str, 5)
PATH = Converter("path", "(?s:.+)", str, 6)
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
