"""Patterns for the names of actions, events and cached results, whose parts are joined by dots."""

from collections.abc import Callable
from functools import lru_cache


def matches(name: str, pattern: str) -> bool:
    """Whether *pattern* matches the whole *name*.

    ``?`` matches one character, ``*`` any text without a dot, ``**`` any text. After a prefix
    without wildcards, the text of ``*`` may begin with a dot, as in Moleculer: ``math*`` matches
    ``math.add``. All other characters, including dots, match themselves. The time is proportional
    to the length of *name*, for every *pattern*.
    """
    return matcher(pattern)(name)


@lru_cache(maxsize=1000)
def matcher(pattern: str) -> Callable[[str], bool]:
    """Return a function that returns whether *pattern* matches a name, see `matches`."""
    prefix = pattern.rstrip("*")
    stars = len(pattern) - len(prefix)
    if "*" in prefix or "?" in prefix or stars > 2:
        return _Automaton(pattern).accepts
    if stars == 0:
        return lambda name: name == pattern
    if stars == 2:
        return lambda name: name.startswith(prefix)
    begin = len(prefix)
    if prefix and not prefix.endswith("."):
        begin += 1  # the text of * may begin with a dot
    return lambda name: name.startswith(prefix) and "." not in name[begin:]


def is_pattern(text: str) -> bool:
    """Whether *text* has a wildcard."""
    return "*" in text or "?" in text


class _Automaton:
    """Matches any pattern in linear time. A regular expression would try all ways to divide a name
    among the stars.

    Bit *i* of a state is set if the first *i* characters of the pattern, without stars, match the
    text read so far. The stars before character *i* are loops of that bit.
    """

    def __init__(self, pattern: str) -> None:
        self._advance: dict[str, int] = {}
        self._advance_any = self._loop_any = self._loop_in_part = 0
        bit, rest = 1, pattern
        while rest:
            if rest.startswith("**"):
                self._loop_any |= bit
                rest = rest.lstrip("*")
                continue
            character, rest = rest[0], rest[1:]
            if character == "*":
                self._loop_in_part |= bit
                continue
            if character == "?":
                self._advance_any |= bit
            else:
                self._advance[character] = self._advance.get(character, 0) | bit
            bit <<= 1
        self._end = bit

    def accepts(self, name: str) -> bool:
        state = 1
        for character in name:
            loops = self._loop_any
            if character != ".":
                loops |= self._loop_in_part
            advance = self._advance_any | self._advance.get(character, 0)
            state = (state & advance) << 1 | (state & loops)
            if not state:
                return False
        return bool(state & self._end)
