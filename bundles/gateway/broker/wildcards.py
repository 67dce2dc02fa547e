"""Patterns for the names of actions, events and cached results, whose parts are joined by dots."""

import re
from collections.abc import Callable
from functools import lru_cache

_GENERAL = re.compile(r"\*\*|\*|\?|[^*?]+")
_REGEX = {"**": ".*", "*": r"[^.]*", "?": "."}


def matches(name: str, pattern: str) -> bool:
    """Whether *pattern* matches the whole *name*.

    ``?`` is one character, ``*`` any run without a dot, ``**`` any run. After a prefix without
    another wildcard, ``*`` may begin with a dot, as in Moleculer: ``math*`` matches ``math.add``.
    All other characters, also dots, stand for themselves.
    """
    return matcher(pattern)(name)


@lru_cache(maxsize=1000)
def matcher(pattern: str) -> Callable[[str], bool]:
    """Return a function that tells whether *pattern* matches a name, see `matches`."""
    prefix = pattern.rstrip("*")
    stars = len(pattern) - len(prefix)
    if "*" in prefix or "?" in prefix or stars > 2:
        text = "".join(_REGEX.get(part) or re.escape(part) for part in _GENERAL.findall(pattern))
        found = re.compile(text, re.DOTALL)
        return lambda name: found.fullmatch(name) is not None
    if stars == 0:
        return lambda name: name == pattern
    if stars == 2:
        return lambda name: name.startswith(prefix)
    # a dot right after the prefix is tolerated, unless the prefix is empty or ends with one
    start = len(prefix) + (1 if prefix and not prefix.endswith(".") else 0)
    return lambda name: name.startswith(prefix) and "." not in name[start:]


def is_pattern(text: str) -> bool:
    """Whether *text* has a wildcard."""
    return "*" in text or "?" in text
