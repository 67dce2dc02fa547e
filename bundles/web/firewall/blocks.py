"""Addresses that are blocked for some time."""

from collections.abc import Callable

_MOST = 20_000
"""Most blocks that are kept; above it, the oldest is dropped."""


class Blocks:
    """The keys of clients that are blocked, each until its end.

    Args:
        now: returns the time in seconds, by a monotonic clock.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._ends: dict[str, float] = {}

    def __len__(self) -> int:
        """The number of kept blocks; some of them may have ended."""
        return len(self._ends)

    def add(self, key: str, seconds: float) -> None:
        """Block *key* for *seconds* from now on; this replaces an earlier block of *key*."""
        self._ends.pop(key, None)
        if len(self._ends) >= _MOST:
            self._remove_ended()
        if len(self._ends) >= _MOST:
            del self._ends[next(iter(self._ends))]
        self._ends[key] = self._now() + seconds

    def remove(self, key: str) -> bool:
        """End the block of *key*; return False if it was not blocked."""
        is_blocked = key in self
        self._ends.pop(key, None)
        return is_blocked

    def __contains__(self, key: str) -> bool:
        end = self._ends.get(key)
        if end is None:
            return False
        if end > self._now():
            return True
        del self._ends[key]
        return False

    def _remove_ended(self) -> None:
        now = self._now()
        for key in [key for key, end in self._ends.items() if end <= now]:
            del self._ends[key]
