"""Counts in Redis, for all workers and machines."""

import asyncio
from collections.abc import Sequence

from injector import inject
from limits import RateLimitItem
from redis.exceptions import RedisError

from bundles.redis import Redis, RedisSettings
from bundles.redis.outage import Outage
from bundles.redis.problems import Problem
from bundles.scale.limits.counts import Counts
from bundles.scale.limits.memory_counts import MemoryCounts

_PREFIX = "rxkernel:limit:"

_LONGEST = 0.25
"""Most seconds that a call waits for Redis; the same as for messages of the bus."""

_TAKE = """
-- KEYS: a hash for each rate: window (its number since 1970), before, current (numbers of calls).
-- ARGV: the amount and the seconds of each rate. Returns the milliseconds to wait; 0: counted.
local seconds, micro = unpack(redis.call('TIME'))
local now = seconds * 1000 + math.floor(micro / 1000)
local wait, counted = 0, {}
for i, key in ipairs(KEYS) do
  local amount, period = tonumber(ARGV[2 * i - 1]), ARGV[2 * i] * 1000
  local window, left = math.floor(now / period), period - now % period
  local found = redis.call('HMGET', key, 'window', 'before', 'current')
  local number, before, current =
    tonumber(found[1]), tonumber(found[2]) or 0, tonumber(found[3]) or 0
  if number ~= window then
    before = number == window - 1 and current or 0
    current = 0
  end
  if math.floor(before * left / period) + current >= amount then
    local free = before > 0 and left % (period / before) or left
    wait = math.max(wait, math.floor(free) + 1)
  end
  counted[i] = {window, before, current + 1, left + period}
end
if wait > 0 then return wait end
for i, key in ipairs(KEYS) do
  local window, before, current, ttl = unpack(counted[i])
  redis.call('HSET', key, 'window', window, 'before', before, 'current', current)
  redis.call('PEXPIRE', key, ttl)
end
return 0
"""


class RedisCounts(Counts):
    """While Redis cannot be used, each process counts in its memory: a limit then applies to each
    worker. The keys of a script are in several slots, so it does not work with Redis Cluster."""

    @inject
    def __init__(self, client: Redis, outage: Outage, redis: RedisSettings) -> None:
        self._prefix = redis.key(_PREFIX)
        self._take = client.register_script(_TAKE)
        self._outage = outage
        self._memory = MemoryCounts()

    async def take(self, rates: Sequence[tuple[RateLimitItem, str]]) -> float:
        if self._outage.problem is None:
            keys = [f"{self._prefix}{rate.key_for(key)}" for rate, key in rates]
            args = [number for rate, _ in rates for number in (rate.amount, rate.get_expiry())]
            try:
                async with asyncio.timeout(_LONGEST):
                    return int(await self._take(keys, args)) / 1000
            except TimeoutError:
                self._outage.report(Problem(f"no reply within {_LONGEST:g} seconds"))
            except RedisError as exc:
                if not self._outage.report_error(exc):
                    raise
        return await self._memory.take(rates)
