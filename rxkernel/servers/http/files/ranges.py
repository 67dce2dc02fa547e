"""Byte ranges (RFC 9110 §14): the requested parts of a representation."""

import re

from rxkernel.exceptions import RangeNotSatisfiableException

_SPEC = re.compile(r"([0-9]{0,100})-([0-9]{0,100})")
_MAX_RANGES = 10
"""The largest number of ranges in one response; a document viewer requests a few."""


def requested_ranges(header: str, size: int) -> list[range]:
    """Return the ranges of a ``Range`` *header*, for a representation of *size* bytes.

    Ranges that overlap or touch are merged, so that no byte is sent twice; the others keep their
    order (§15.3.7.2). An empty list means the whole representation: the header is missing, the
    unit is not ``bytes``, more than 10 ranges remain after merging, or *size* is 0.

    Raises:
        RangeNotSatisfiableException: a range is malformed or ends before its start (§14.1.1), or
            all ranges start after the end, like ``bytes=-0``.
    """
    unit, separator, specs = header.partition("=")
    if unit.lower() != "bytes" or not separator or not size:
        return []
    wanted = [_range(spec.strip(), size) for spec in specs.split(",") if spec.strip()]
    if None in wanted or not (satisfiable := [part for part in wanted if part]):
        raise RangeNotSatisfiableException(headers={"Content-Range": f"bytes */{size}"})
    merged = _merged(satisfiable)
    return merged if len(merged) <= _MAX_RANGES else []


def _range(spec: str, size: int) -> range | None:
    """Parse one range. It is empty if it cannot be satisfied, None if it is malformed."""
    found = _SPEC.fullmatch(spec)
    first, last = found.groups() if found else ("", "")
    if not first and not last:
        return None
    if not first:
        return range(max(size - int(last), 0), size)
    if last and int(last) < int(first):
        return None
    return range(min(int(first), size), min(int(last) + 1, size) if last else size)


def _merged(ranges: list[range]) -> list[range]:
    merged: list[tuple[int, range]] = []
    for place, part in sorted(enumerate(ranges), key=lambda one: one[1].start):
        if merged and part.start <= merged[-1][1].stop:
            first, before = merged.pop()
            place, part = min(first, place), range(before.start, max(before.stop, part.stop))
        merged.append((place, part))
    return [part for _, part in sorted(merged, key=lambda one: one[0])]
