"""Detects times in seconds that are so long that milliseconds, as in Metarhia, were probably
meant."""

from collections.abc import Iterator, Mapping
from typing import Any

_LONGEST = 300


def too_long(times: Mapping[str, Any]) -> Iterator[str]:
    """Yield a warning for each such time in *times*, which are by name."""
    for name, seconds in times.items():
        if isinstance(seconds, int | float) and seconds > _LONGEST:
            yield (
                f"{name} is {seconds:g} seconds; times of Metarhia are milliseconds: "
                f"{seconds:g} ms are {seconds / 1000:g}"
            )
