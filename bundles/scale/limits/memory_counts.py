"""Counts in the memory of the process, for a bounded number of keys."""

import time

from limits import RateLimitItem
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from bundles.scale.limits.counts import Counts, take

MAX_KEYS = 50_000
"""About 12 MB."""


class MemoryCounts(Counts):
    """Of more than `MAX_KEYS` keys, the one that was counted least recently is dropped."""

    def __init__(self, max_keys: int = MAX_KEYS) -> None:
        self.storage = BoundedStorage(max_keys)
        self._limiter = SlidingWindowCounterRateLimiter(self.storage)

    async def take(self, rate: RateLimitItem, key: str) -> float:
        return await take(self._limiter, rate, key)


class BoundedStorage(MemoryStorage):
    """The counters of `MemoryStorage`, which looks at all keys after each call to find expired
    ones, and has no bound. Here the oldest are dropped, and no call looks at the others."""

    STORAGE_SCHEME = []  # noqa: RUF012 - as in the base class

    def __init__(self, max_keys: int) -> None:
        super().__init__()
        self._max_keys = max_keys

    async def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        count = await self.get(key) + amount
        expires = self.expirations.pop(key, None)
        self.expirations[key] = time.time() + expiry if expires is None else expires
        self.storage[key] = count
        if len(self.expirations) > self._max_keys:
            await self.clear(next(iter(self.expirations)))
        return count
