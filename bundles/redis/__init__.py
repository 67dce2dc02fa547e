"""One shared pool of connections to Redis, injected as ``Redis``, the client of redis-py."""

from redis.asyncio import Redis

from bundles.redis.bundle import RedisBundle
from bundles.redis.settings import RedisSettings

__all__ = ["Redis", "RedisBundle", "RedisSettings"]
