"""Lists of what a client likes, with weights (RFC 9110 §12.4.2)."""

import re
from collections.abc import Iterable, Iterator

_MOST = 64
"""Entries of one header that are read; no client has as many, but an attacker may."""

_WEIGHT = re.compile(r";[ \t]*q[ \t]*=[ \t]*(?P<q>[^;]*)", re.IGNORECASE)
_QVALUE = re.compile(r"0(\.[0-9]{0,3})?|1(\.0{0,3})?")


def weighted(lines: Iterable[str]) -> Iterator[tuple[str, float]]:
    """What the *lines* of a header list, in lower case without parameters, with its weight.

    Of more than 64 entries the rest is ignored. A weight that is none is 0, so what it stands
    by is not chosen.
    """
    for entry in ",".join(lines).split(",", _MOST)[:_MOST]:
        name = entry.partition(";")[0].strip().lower()
        if name:
            yield name, _weight(entry)


def _weight(entry: str) -> float:
    found = _WEIGHT.search(entry)
    if found is None:
        return 1.0
    given = found["q"].strip()
    return float(given) if _QVALUE.fullmatch(given) else 0.0
