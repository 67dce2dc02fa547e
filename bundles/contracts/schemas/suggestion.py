"""The end of an error about an unknown name."""

from collections.abc import Iterable
from difflib import get_close_matches

_SHOWN = 12


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return ``; did you mean …?``, or ``; known are …`` with the first of the *known* names."""
    names = sorted(set(known))
    if near := get_close_matches(name, names, n=1):
        return f"; did you mean {near[0]!r}?"
    if not names:
        return ""
    more = ", …" if len(names) > _SHOWN else ""
    return f"; known are {', '.join(map(repr, names[:_SHOWN]))}{more}"
