"""Byte ranges (RFC 9110 §14): which parts of a representation are asked for."""

import re

from rxkernel.exceptions import RangeNotSatisfiableException

_SPEC = re.compile(r"([0-9]{0,100})-([0-9]{0,100})")
_MOST = 10
"""Parts of one answer. A document viewer asks for a few; more are no help to anybody."""


def wanted_ranges(header: str, size: int) -> list[range]:
    """The ranges of a ``Range`` *header*, for a representation of *size* bytes.

    Those that overlap or touch become one, so that nothing is sent twice; the others keep
    their order (§15.3.7.2). None at all is the whole of it: the unit is none of ours, more
    than 10 ranges are left, or it is empty, of which no range can be told.

    Raises:
        RangeNotSatisfiableException: one goes backwards or is malformed (§14.1.1), or they
            all lie behind the end; ``bytes=-0`` does too.
    """
    unit, separator, specs = header.partition("=")
    if unit.lower() != "bytes" or not separator or not size:
        return []
    wanted = [_range(spec.strip(), size) for spec in specs.split(",") if spec.strip()]
    if None in wanted or not (satisfiable := [part for part in wanted if part]):
        raise RangeNotSatisfiableException(headers={"Content-Range": f"bytes */{size}"})
    merged = _merged(satisfiable)
    return merged if len(merged) <= _MOST else []


def _range(spec: str, size: int) -> range | None:
    """Empty where it cannot be satisfied, None where it is malformed."""
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
