"""One segment of a path template: literal text, parameters, or a mixture."""

import re
from collections.abc import Callable

import attrs

from rxkernel.routing.converters import STR, Converter

LITERAL_RANK, MIXED_RANK = 0, 1


@attrs.frozen(eq=False)
class Segment:
    """The part of a template between two slashes.

    ``literals`` are the texts before, between and after the parameters: one more than there
    are ``converters``.
    """

    literals: tuple[str, ...]
    converters: tuple[Converter, ...]
    shape: str = attrs.field(init=False)
    rank: int = attrs.field(init=False)
    _fullmatch: Callable[[str], re.Match[str] | None] = attrs.field(init=False)

    @shape.default
    def _shape_of(self) -> str:
        return self.join([f"{{:{converter.name}}}" for converter in self.converters])

    @rank.default
    def _rank_of(self) -> int:
        if not self.converters:
            return LITERAL_RANK
        return MIXED_RANK if any(self.literals) else self.converters[0].rank

    @_fullmatch.default
    def _compile(self) -> Callable[[str], re.Match[str] | None]:
        if self.rank == LITERAL_RANK:  # no use for an expression, which is slow to compile
            literal, groupless = self.literals[0], re.fullmatch("", "")
            return lambda text: groupless if text == literal else None
        return re.compile(_pattern(self.literals, self.converters)).fullmatch

    def join(self, texts: list[str]) -> str:
        """The decoded segment that has *texts* in the place of its parameters."""
        pairs = zip(self.literals, [*texts, ""], strict=True)
        return "".join(literal + text for literal, text in pairs)

    def match(self, text: str) -> tuple[str, ...] | None:
        """The texts of the parameters in a decoded segment, or None.

        Where several text parameters share a segment, each but the last ends at the first place
        where what follows it fits: ``{name}.{format}`` splits ``a.tar.gz`` as ``a``, ``tar.gz``.
        """
        found = self._fullmatch(text)
        return None if found is None else found.groups()


def _pattern(literals: tuple[str, ...], converters: tuple[Converter, ...]) -> str:
    """One capturing group per parameter, in time linear in the segment.

    Text parameters but the last stand in an atomic group with all that follows up to the next
    one: without it, n text parameters would let a hostile path cost its length to the power n.
    """
    texts_left, source = converters.count(STR), re.escape(literals[0])
    atomic = False
    for converter, literal in zip(converters, literals[1:], strict=True):
        if converter is STR:
            source += ")" if atomic else ""
            texts_left -= 1
            atomic = texts_left > 0
        source += "(?>((?s:.+?))" if converter is STR and atomic else f"({converter.pattern})"
        source += re.escape(literal)
    return source
