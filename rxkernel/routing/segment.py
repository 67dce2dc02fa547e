"""One segment of a path template: literal text, parameters, or a mixture."""

import re
from collections.abc import Callable

import attrs

from rxkernel.routing.kinds import LITERAL_RANK, MIXED_RANK, STR, Kind


@attrs.frozen(eq=False)
class Segment:
    """The part of a template between two slashes.

    ``literals`` are the texts before, between and after the parameters: one more than there
    are ``kinds``. ``shape`` is the text without the names of the parameters.
    """

    literals: tuple[str, ...]
    kinds: tuple[Kind, ...]
    shape: str
    rank: int = attrs.field(init=False)
    _fullmatch: Callable[[str], re.Match[str] | None] = attrs.field(init=False)

    @rank.default
    def _rank_of(self) -> int:
        if not self.kinds:
            return LITERAL_RANK
        return MIXED_RANK if any(self.literals) else self.kinds[0].rank

    @_fullmatch.default
    def _compile(self) -> Callable[[str], re.Match[str] | None]:
        if self.rank == LITERAL_RANK:  # a comparison: compiling expressions is slow
            literal, groupless = self.literals[0], re.fullmatch("", "")
            return lambda text: groupless if text == literal else None
        return re.compile(_pattern(self.literals, self.kinds)).fullmatch

    def join(self, texts: list[str]) -> str:
        """Return the decoded segment with *texts* in place of its parameters."""
        pairs = zip(self.literals, [*texts, ""], strict=True)
        return "".join(literal + text for literal, text in pairs)

    def match(self, text: str) -> tuple[str, ...] | None:
        """Return the texts of the parameters in a decoded segment, or None.

        If several parameters have unlimited length, each but the last ends at the first position
        where the rest matches: ``{name}.{format}`` splits ``a.tar.gz`` into ``a``, ``tar.gz``. A
        pattern or a converter of the application is matched once, with the text up to the next
        such parameter, without backtracking.
        """
        found = self._fullmatch(text)
        return None if found is None else found.groups()


def _pattern(literals: tuple[str, ...], kinds: tuple[Kind, ...]) -> str:
    """Return an expression with one capturing group per parameter, linear in the segment's length.

    Each parameter of unlimited length, except for the last, is in an atomic group with the text up
    to the next one. Without these groups, matching a hostile path of length l with n such
    parameters could take l to the power n steps. The time of a pattern of the application itself
    is not limited.
    """
    open_left, source = sum(kind.is_open for kind in kinds), re.escape(literals[0])
    atomic = False
    for kind, literal in zip(kinds, literals[1:], strict=True):
        pattern = kind.pattern
        if kind.is_open:
            source += ")" if atomic else ""
            open_left -= 1
            atomic = open_left > 0
            source += "(?>" if atomic else ""
            pattern = "(?s:.+?)" if atomic and kind is STR else pattern
        source += f"({pattern}){re.escape(literal)}"
    return source
