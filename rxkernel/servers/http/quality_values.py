"""Headers with weighted lists, such as ``Accept`` (RFC 9110 §12.4.2)."""

import re
from collections.abc import Iterable, Iterator

_MAX_ENTRIES = 64
"""The largest number of entries of a header that are read; only an attacker sends more."""

_WEIGHT = re.compile(r";[ \t]*q[ \t]*=[ \t]*(?P<q>[^;]*)", re.IGNORECASE)
_QVALUE = re.compile(r"0(\.[0-9]{0,3})?|1(\.0{0,3})?")


def weighted(lines: Iterable[str]) -> Iterator[tuple[str, float]]:
    """Yield each entry of the header *lines*, in lower case without parameters, and its weight.

    Entries after the 64th are ignored. An invalid weight becomes 0, so its entry is not chosen.
    """
    for entry in ",".join(lines).split(",", _MAX_ENTRIES)[:_MAX_ENTRIES]:
        name = entry.partition(";")[0].strip().lower()
        if name:
            yield name, _weight(entry)


def _weight(entry: str) -> float:
    found = _WEIGHT.search(entry)
    if found is None:
        return 1.0
    weight = found["q"].strip()
    return float(weight) if _QVALUE.fullmatch(weight) else 0.0
