"""Counts in the memory of the process, for a bounded number of keys."""

import time
from collections.abc import Sequence
from math import floor

import attrs
from limits import RateLimitItem

from bundles.scale.limits.counts import Counts

MAX_KEYS = 50_000
"""About 12 MB."""

_BEYOND = 0.001
"""Seconds to wait after the computed ones: at that moment itself no call is allowed yet."""


@attrs.define
class _Window:
    """The calls of the window *number*, counted from 1970, and of the previous one."""

    number: int
    before: int = 0
    current: int = 0

    def move(self, number: int) -> None:
        if number != self.number:
            self.before = self.current if number == self.number + 1 else 0
            self.number, self.current = number, 0

    def wait(self, amount: int, period: int, now: float) -> float:
        """Seconds until a call is allowed; 0: now."""
        left = period - now % period
        if floor(self.before * left / period) + self.current < amount:
            return 0.0
        return (left % (period / self.before) if self.before else left) + _BEYOND


class MemoryCounts(Counts):
    """Above `MAX_KEYS` keys, the one that was counted least recently is dropped."""

    def __init__(self, max_keys: int = MAX_KEYS) -> None:
        self._windows: dict[str, _Window] = {}
        self._max_keys = max_keys

    def __len__(self) -> int:
        """The number of keys."""
        return len(self._windows)

    async def take(self, rates: Sequence[tuple[RateLimitItem, str]]) -> float:
        now, seconds = time.time(), 0.0
        found = []
        for rate, key in rates:
            name, period = rate.key_for(key), rate.get_expiry()
            number = int(now // period)
            window = self._windows.get(name) or _Window(number)
            window.move(number)
            seconds = max(seconds, window.wait(rate.amount, period, now))
            found.append((name, window))
        if seconds:
            return seconds
        for name, window in found:
            window.current += 1
            self._windows.pop(name, None)  # move it to the end: the first one is dropped first
            self._windows[name] = window
        while len(self._windows) > self._max_keys:
            del self._windows[next(iter(self._windows))]
        return 0.0
