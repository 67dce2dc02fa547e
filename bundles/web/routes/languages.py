"""Compares patterns: whether one matches all paths of another one, or none of them.

Both run in parallel over all texts, as automata whose states are sets of positions.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Self

import attrs

from bundles.web.routes.pattern import Token, Wild

_OTHER = "\ufffe"
"""Stands for all characters that the patterns do not contain."""

_NUMBER = 100_000
"""Most pairs of states that are compared. A problem that needs more is not reported."""

States = frozenset[int]


@attrs.frozen(eq=False)
class Language:
    """The texts of a sequence of tokens.

    Attributes:
        steps: by state, the characters (`Wild` for many) that lead to other states.
        free: by state, the states that are reached without a character.
    """

    steps: dict[int, list[tuple[str | Wild, int]]]
    free: dict[int, list[int]]
    last: int

    @classmethod
    def of(cls, tokens: Sequence[Token]) -> Self:
        steps: dict[int, list[tuple[str | Wild, int]]] = {}
        free: dict[int, list[int]] = {}
        number = end = 0
        for token in tokens:
            begin, end = end, number + 1
            number += 1
            if token.wild is Wild.ANY:
                free.setdefault(begin, []).append(end)
                steps.setdefault(end, []).append((Wild.ANY, end))
            elif token.wild is Wild.SEGMENT:
                steps.setdefault(begin, []).append((Wild.SEGMENT, end))
                steps.setdefault(end, []).append((Wild.SEGMENT, end))
                # a new state, so that later tokens do not lead back to this loop
                number += 1
                free.setdefault(end, []).append(number)
                end = number
            for text in token.texts:
                at = begin
                for char in text:
                    number += 1
                    steps.setdefault(at, []).append((char, number))
                    at = number
                free.setdefault(at, []).append(end)
        return cls(steps, free, end)

    def begin(self) -> States:
        return self._closed({0})

    def after(self, states: States, char: str) -> States:
        found = {
            target
            for state in states
            for wanted, target in self.steps.get(state, ())
            if wanted == char or (isinstance(wanted, Wild) and _is_in(wanted, char))
        }
        return self._closed(found)

    def _closed(self, states: Iterable[int]) -> States:
        found, waiting = set(states), list(states)
        while waiting:
            for target in self.free.get(waiting.pop(), ()):
                if target not in found:
                    found.add(target)
                    waiting.append(target)
        return frozenset(found)

    def characters(self) -> Iterator[str]:
        for steps in self.steps.values():
            yield from (char for char, _ in steps if not isinstance(char, Wild))


def _is_in(wild: Wild, char: str) -> bool:
    return wild is Wild.ANY or char != "/"


def covers(larger: Sequence[Token], smaller: Sequence[Token]) -> bool:
    """Whether *larger* matches each text that *smaller* matches."""
    one, two = Language.of(smaller), Language.of(larger)
    return _never(one, two, lambda a, b: one.last in a and two.last not in b)


def are_disjoint(tokens: Sequence[Token], others: Sequence[Token]) -> bool:
    """Whether no text matches both."""
    one, two = Language.of(tokens), Language.of(others)
    return _never(one, two, lambda a, b: one.last in a and two.last in b)


def _never(one: Language, two: Language, is_found: Callable[[States, States], bool]) -> bool:
    """Whether *is_found* is False for the states of both after each text. Also False if this is
    not known after `_NUMBER` pairs."""
    alphabet = {*one.characters(), *two.characters(), "/", _OTHER}
    first = one.begin(), two.begin()
    known, waiting = {first}, [first]
    while waiting:
        a, b = waiting.pop()
        if is_found(a, b) or len(known) > _NUMBER:
            return False
        for char in alphabet:
            pair = one.after(a, char), two.after(b, char)
            if pair[0] and pair not in known:
                known.add(pair)
                waiting.append(pair)
    return True


def sample_of(tokens: Sequence[Token]) -> str:
    """Return one text that matches *tokens*. A pattern that does not match it cannot cover
    them."""
    return "".join(_OTHER if token.wild is not None else token.texts[0] for token in tokens)
