"""What the bundle adds to an application."""

from injector import Binder, singleton
from redis.asyncio import Redis

from bundles.redis.client import create_client
from bundles.redis.listeners import RedisListeners
from bundles.redis.outage import Outage
from bundles.redis.settings import RedisSettings
from rxkernel import Bundle


class RedisBundle(Bundle):
    """Binds ``Redis``. Boot does not connect: an application starts while Redis is down."""

    name = "redis"
    listeners = (RedisListeners,)
    settings_class = RedisSettings
    provides = (Redis,)

    def configure(self, binder: Binder) -> None:
        binder.bind(Redis, to=create_client, scope=singleton)
        binder.bind(Outage, scope=singleton)
