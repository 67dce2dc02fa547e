"""Sizes such as ``10mb`` and durations such as ``1h 30m``, in the notation of Impress of 2015."""

import re
from datetime import timedelta

from rxkernel import ValidationError

_SIZES = {unit: 1000**power for power, unit in enumerate(("kb", "mb", "gb", "tb", "pb", "eb"), 1)}
_DURATIONS = {"d": 86_400, "h": 3600, "m": 60, "s": 1}
_SIZE = re.compile(rf"\s*(\d{{1,18}})\s*({'|'.join(_SIZES)})", re.ASCII | re.IGNORECASE)
_DURATION = re.compile(r"\s*(\d{1,12})\s*([dhms])", re.ASCII)
_NUMBER = re.compile(r"\s*\d{1,18}\s*", re.ASCII)


def parse_size(value: str | int) -> int:
    """Return the bytes of a size such as ``10mb`` or ``1gb 500mb`` (powers of 1000), or of a
    number such as ``512``."""
    if isinstance(value, int):
        _check_not_negative(value, "size")
        return value
    if _NUMBER.fullmatch(value):
        return int(value)
    parts = _parts(value, _SIZE, "size", "10mb")
    return sum(int(count) * _SIZES[unit.lower()] for count, unit in parts)


def parse_duration(value: str | float) -> timedelta:
    """Return a duration such as ``1d 10h 7m 13s``. A number is milliseconds, as in Impress."""
    try:
        return timedelta(seconds=_seconds_in(value))
    except (OverflowError, ValueError) as exc:  # ValueError: not a number
        if isinstance(exc, ValidationError):
            raise
        raise ValidationError("is out of range", code="out_of_range") from exc


def _seconds_in(value: str | float) -> float:
    if isinstance(value, str):
        parts = _parts(value, _DURATION, "duration", "1h 30m")
        return sum(int(count) * _DURATIONS[unit] for count, unit in parts)
    _check_not_negative(value, "duration")
    return value / 1000


def _check_not_negative(value: float, expected: str) -> None:
    if value < 0:
        message = f"expected a {expected} of 0 or more"
        raise ValidationError(message, code="too_small", params={"ge": 0})


def _parts(
    value: str, part: re.Pattern[str], expected: str, example: str
) -> list[tuple[str, str]]:
    """Return the numbers and units in *value*, which must consist of them."""
    found: list[tuple[str, str]] = []
    place = 0
    while match := part.match(value, place):
        found.append((match[1], match[2]))
        place = match.end()
    if not found or value[place:].strip():
        message = f"expected a {expected} such as {example}"
        raise ValidationError(message, code="format", params={"expected": expected})
    return found
