"""What counts the calls of each key."""

import time
from abc import ABC, abstractmethod

from limits import RateLimitItem
from limits.aio.strategies import SlidingWindowCounterRateLimiter


class Counts(ABC):
    """Counts calls by a sliding window: those of the current window, and those of the one before
    by the part of it that the last *rate* period overlaps. It needs two numbers for each key,
    whatever the rate, and does not allow twice the rate at the border of two windows."""

    @abstractmethod
    async def take(self, rate: RateLimitItem, key: str) -> float:
        """Count a call, and return 0; or do not count it, and return the seconds after which the
        next call may be allowed, greater than 0."""


async def take(limiter: SlidingWindowCounterRateLimiter, rate: RateLimitItem, key: str) -> float:
    """`Counts.take` with a limiter of the library."""
    if await limiter.hit(rate, key):
        return 0.0
    stats = await limiter.get_window_stats(rate, key)
    return max(stats.reset_time - time.time(), 0.001)
