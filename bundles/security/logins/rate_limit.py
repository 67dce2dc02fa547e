"""A limit of uses within a time, for each of many keys, in bounded memory."""

import math
from collections import OrderedDict

import attrs

from rxkernel import TooManyRequestsException


@attrs.define
class _Level:
    amount: float
    at: float


class RateLimit:
    """At most *limit* uses within *window* seconds for each key. One more becomes free every
    ``window / limit`` seconds (a leaky bucket). Above *max_keys* keys, the one that was used
    longest ago is dropped."""

    def __init__(self, limit: int, window: float, max_keys: int) -> None:
        self._limit = limit
        self._rate = limit / window
        self._max_keys = max_keys
        self._levels: OrderedDict[str, _Level] = OrderedDict()

    def __len__(self) -> int:
        return len(self._levels)

    def wait(self, key: str, now: float) -> float:
        """Seconds until *key* may try again; 0: now."""
        level = self._levels.get(key)
        return 0.0 if level is None else max(0.0, self._excess(level, now) / self._rate)

    def _excess(self, level: _Level, now: float) -> float:
        return self._left(level, now) + 1 - self._limit

    def _left(self, level: _Level, now: float) -> float:
        return max(0.0, level.amount - (now - level.at) * self._rate)

    def add(self, key: str, now: float) -> None:
        """Count a use."""
        level = self._levels.pop(key, None)
        left = 0.0 if level is None else self._left(level, now)
        self._levels[key] = _Level(left + 1, now)
        if len(self._levels) > self._max_keys:
            self._levels.popitem(last=False)


def too_many(message: str, code: str, seconds: float) -> TooManyRequestsException:
    """The exception of a limit that allows the next use in *seconds*."""
    headers = {"Retry-After": str(math.ceil(seconds))}
    return TooManyRequestsException(message, code=code, headers=headers)
