"""The path of a request: decoded for comparison with rules, and as the client has sent it."""

import re
from collections.abc import Iterator
from urllib.parse import unquote_to_bytes

import attrs

_ENCODED = re.compile(r"((?:%[0-9a-fA-F]{2})+)|([^%]+)")
_KEPT = {"%": "%25", "/": "%2F"}
"""Characters that stay encoded: ``%2F`` does not separate parts of a path."""


@attrs.frozen
class SentPath:
    """A path.

    Attributes:
        raw: percent-encoded, as it was sent.
        text: decoded, as a router compares it; only ``%25`` and ``%2F`` stay encoded.
        offsets: the index in *raw* of each character of *text*, and of the end; empty if both are
            equal.
    """

    raw: str
    text: str
    offsets: tuple[int, ...] = ()

    @classmethod
    def of(cls, raw: str) -> "SentPath | None":
        """Return the path *raw*; None if it is malformed: a router rejects it with 400."""
        if "%" not in raw and raw.isascii() and "\0" not in raw:
            return cls(raw, raw)
        texts: list[str] = []
        offsets: list[int] = []
        try:
            raw.encode()  # fails for a lone surrogate, which stands for an invalid byte
            for text, start in _characters(raw):
                texts.append(text)
                offsets += [start] * len(text)
        except UnicodeError:
            return None
        if "\0" in texts:
            return None
        return cls(raw, "".join(texts), (*offsets, len(raw)))

    def sent(self, start: int, end: int) -> str:
        """Return the part of `raw` for ``text[start:end]``."""
        if not self.offsets:
            return self.raw[start:end]
        return self.raw[self.offsets[start] : self.offsets[end]]


def _characters(raw: str) -> Iterator[tuple[str, int]]:
    """Yield the characters of *raw*, decoded, each with its index in *raw*.

    Raises:
        UnicodeError: a ``%`` without two hexadecimal digits, or invalid UTF-8.
    """
    at = 0
    while at < len(raw):
        found = _ENCODED.match(raw, at)
        if found is None:
            raise UnicodeError("a '%' is not followed by two hexadecimal digits")
        if found[1] is None:
            yield from ((char, offset) for offset, char in enumerate(found[2], at))
        else:
            offset = at
            for char in unquote_to_bytes(found[1]).decode():
                yield _KEPT.get(char, char), offset
                offset += 3 * len(char.encode())
        at = found.end()
