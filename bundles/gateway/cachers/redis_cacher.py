"""Results in Redis, which processes share, including those of Node with Moleculer's cacher."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from secrets import token_hex
from typing import Any

from injector import inject
from redis.exceptions import RedisError

from bundles.gateway.cachers.cacher import Cacher, Codec
from bundles.gateway.cachers.json_codec import JsonCodec
from bundles.gateway.cachers.key_pattern import KeyPattern
from bundles.gateway.settings import GatewaySettings
from bundles.redis import Redis, RedisSettings
from bundles.redis.outage import Outage
from rxkernel import Kernel, Scalars

logger = logging.getLogger(__name__)

_BATCH = 500
_FIRST_DELAY, _LONGEST_DELAY = 0.02, 0.5
"""Seconds between two checks for a result that another process computes."""

_UNLOCK = "return redis.call('GET', KEYS[1]) == ARGV[1] and redis.call('DEL', KEYS[1]) or 0"


class RedisCacher(Cacher):
    """During an outage of Redis, `read` finds nothing and `write` does nothing. `delete` and
    `clean` raise an error of redis-py, since entries that must be removed would stay.

    The bundle `redis` logs the outage and its end; in between, Redis is not used.
    """

    @inject
    def __init__(
        self,
        client: Redis,
        outage: Outage,
        settings: GatewaySettings,
        kernel: Kernel,
        redis: RedisSettings,
    ) -> None:
        self._client = client
        self._outage = outage
        self._serializer = kernel.serializer
        self._prefix = redis.key(settings.cache_prefix)
        self._ttl = settings.cache_ttl or None
        self._unlock = client.register_script(_UNLOCK)

    def codec(self, type: Any, scalars: Scalars | None = None) -> Codec:
        return JsonCodec(type, self._serializer, scalars or self._serializer.scalars)

    async def read(self, key: str) -> Any:
        problem = self._outage.problem
        if problem is not None and not problem.is_write_only:
            return None
        try:
            return await self._client.get(self._prefix + key)
        except RedisError as exc:
            self._report(exc)
            return None

    async def write(self, key: str, entry: Any, ttl: float | None) -> None:
        if self._outage.problem is not None:
            return
        seconds = self._ttl if ttl is None else ttl
        milliseconds = None if seconds is None else max(1, round(seconds * 1000))
        try:
            await self._client.set(self._prefix + key, entry, px=milliseconds)
        except RedisError as exc:
            self._report(exc)

    async def delete(self, *keys: str) -> None:
        self.generation += 1
        if keys:
            await self._client.unlink(*(self._prefix + key for key in keys))

    async def clean(self, *patterns: str) -> None:
        self.generation += 1
        prefix = re.sub(r"([\\*?\[\]^])", r"\\\1", self._prefix)
        for pattern in map(KeyPattern, patterns or ("**",)):
            found: list[bytes] = []
            async for key in self._client.scan_iter(match=prefix + pattern.glob, count=_BATCH):
                if pattern.matches(key.decode(errors="replace")[len(self._prefix) :]):
                    found.append(key)
                if len(found) == _BATCH:
                    await self._client.unlink(*found)
                    found.clear()
            if found:
                await self._client.unlink(*found)

    @asynccontextmanager
    async def lock(self, key: str) -> AsyncIterator[Any]:
        """Hold a lock with the key of Moleculer. It expires if this process ends."""
        name, token = f"{self._prefix}{key}-lock", token_hex(16)
        has_lock, entry = await self._acquire(key, name, token)
        try:
            yield entry
        finally:
            if has_lock:
                await self._release(name, token)

    async def _acquire(self, key: str, name: str, token: str) -> tuple[bool, Any]:
        """Wait for the lock or the entry, up to `longest_wait` seconds."""
        loop = asyncio.get_running_loop()
        deadline, delay = loop.time() + self.longest_wait, _FIRST_DELAY
        while self._outage.problem is None and loop.time() < deadline:
            try:
                has_lock = await self._client.set(
                    name, token, nx=True, px=round(self.longest_wait * 1000)
                )
            except RedisError as exc:
                self._report(exc)
                break
            entry = await self.read(key)
            if has_lock or entry is not None:
                return bool(has_lock), entry
            await asyncio.sleep(delay)
            delay = min(2 * delay, _LONGEST_DELAY)
        return False, None

    async def _release(self, name: str, token: str) -> None:
        if self._outage.problem is None:
            try:
                await self._unlock(keys=[name], args=[token])
            except RedisError as exc:
                self._report(exc)

    def _report(self, exc: RedisError) -> None:
        if not self._outage.report_error(exc):
            logger.error("the cache in Redis was not used: %s", exc, exc_info=exc)
