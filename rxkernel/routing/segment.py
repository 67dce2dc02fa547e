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
        if self.rank == LITERAL_RANK:  # no use for an expression, which is slow to compile
            literal, groupless = self.literals[0], re.fullmatch("", "")
            return lambda text: groupless if text == literal else None
        return re.compile(_pattern(self.literals, self.kinds)).fullmatch

    def join(self, texts: list[str]) -> str:
        """The decoded segment that has *texts* in the place of its parameters."""
        pairs = zip(self.literals, [*texts, ""], strict=True)
        return "".join(literal + text for literal, text in pairs)

    def match(self, text: str) -> tuple[str, ...] | None:
        """The texts of the parameters in a decoded segment, or None.

        Of several parameters that may be of any length, each but the last ends at the first place
        where what follows it fits: ``{name}.{format}`` splits ``a.tar.gz`` as ``a``, ``tar.gz``.
        A pattern or a converter of the application matches as it is written. Its first match,
        with the text up to the next such parameter, is not tried again for the rest.
        """
        found = self._fullmatch(text)
        return None if found is None else found.groups()


def _pattern(literals: tuple[str, ...], kinds: tuple[Kind, ...]) -> str:
    """One capturing group per parameter, in time linear in the segment.

    Parameters of any length but the last stand in an atomic group with all that follows up to the
    next one: without it, n of them would let a hostile path cost its length to the power n. What
    a single pattern of the application costs is its own matter.
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
