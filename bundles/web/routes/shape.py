"""The conditions of a pattern for the parts of a path between two slashes.

Checking both ends of a part takes the same time for any length of it, unlike the comparison with
the whole pattern.
"""

from collections.abc import Iterable, Sequence
from typing import Self

import attrs

_MOST_TEXTS = 64
"""Most texts of a part that are compared; further groups count as anything."""

Texts = tuple[str, ...] | None
"""A piece of a part: one of some texts; None for anything without a slash."""

Pieces = list[Texts]


@attrs.frozen
class _Part:
    """One of *starts*, then anything, then one of *ends*; or exactly one of *starts*."""

    starts: tuple[str, ...]
    ends: tuple[str, ...]
    is_exact: bool

    @classmethod
    def of(cls, pieces: Pieces) -> Self:
        starts, is_exact = _products(pieces)
        ends, _ = _products([each and tuple(t[::-1] for t in each) for each in reversed(pieces)])
        return cls(starts, tuple(text[::-1] for text in ends), is_exact)

    def fits(self, part: str) -> bool:
        if self.is_exact:
            return part in self.starts
        return part.startswith(self.starts) and part.endswith(self.ends)


@attrs.frozen
class Shape:
    """The parts of a pattern before and after ``(.*)``; *after* is None if it has no ``(.*)``."""

    before: tuple[_Part, ...]
    after: tuple[_Part, ...] | None

    @classmethod
    def of(cls, tokens: Iterable[Texts]) -> Self:
        """*tokens* are the texts of literals and groups; None is ``([^/]+)``, an empty tuple is
        ``(.*)``."""
        parts: list[Pieces] = [[]]
        after: list[Pieces] | None = None
        for texts in tokens:
            if texts is not None and (not texts or _are_of_several_parts(texts)):
                if after is None:
                    parts[-1].append(None)
                after = [[None]]
                continue
            current = parts if after is None else after
            if texts is None or len(texts) > 1:
                current[-1].append(texts)
                continue
            first, *others = texts[0].split("/")
            current[-1].append((first,))
            current += ([(other,)] for other in others)
        return cls(
            tuple(map(_Part.of, parts)), None if after is None else tuple(map(_Part.of, after))
        )

    def fits(self, parts: Sequence[str]) -> bool:
        """Whether a path of *parts*, split at its slashes, may match the pattern."""
        if self.after is None:
            if len(parts) != len(self.before):
                return False
        elif len(parts) < len(self.before) + len(self.after) - 1 or not all(
            map(_Part.fits, reversed(self.after), reversed(parts[-len(self.after) :]))
        ):
            return False
        return all(map(_Part.fits, self.before, parts))


def _are_of_several_parts(texts: tuple[str, ...]) -> bool:
    return len(texts) > 1 and any("/" in text for text in texts)


def _products(pieces: Pieces) -> tuple[tuple[str, ...], bool]:
    """The texts with which *pieces* begin, and whether these are complete texts of *pieces*."""
    found = [""]
    for texts in pieces:
        if texts is None or len(found) * len(texts) > _MOST_TEXTS:
            return tuple(found), False
        found = [start + text for start in found for text in texts]
    return tuple(found), True
