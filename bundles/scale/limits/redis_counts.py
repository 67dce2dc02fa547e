"""Counts in Redis, for all workers and machines."""

from typing import Any

from injector import inject
from limits import RateLimitItem
from limits.aio.storage import RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from redis.exceptions import RedisError

from bundles.redis import Redis
from bundles.redis.errors import problem_of
from bundles.redis.outage import Outage
from bundles.scale.limits.counts import Counts, take
from bundles.scale.limits.memory_counts import MemoryCounts


class RedisCounts(Counts):
    """While Redis cannot be used, each process counts in its memory: a limit then holds for each
    worker, and calls are neither refused nor kept waiting."""

    @inject
    def __init__(self, client: Redis, outage: Outage) -> None:
        pool: Any = client.connection_pool  # their annotation has no class for it
        storage = RedisStorage(
            "async+redis://",
            implementation="redispy",
            key_prefix="rxkernel:limit",
            connection_pool=pool,
        )
        self._limiter = SlidingWindowCounterRateLimiter(storage)
        self._outage = outage
        self._memory = MemoryCounts()

    async def take(self, rate: RateLimitItem, key: str) -> float:
        if self._outage.problem is None:
            try:
                return await take(self._limiter, rate, key)
            except RedisError as exc:
                problem = problem_of(exc)
                if problem is None:
                    raise
                self._outage.report(problem)
        return await self._memory.take(rate, key)
