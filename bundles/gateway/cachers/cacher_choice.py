"""The cacher that the setting ``gateway.cacher`` names."""

from injector import Binder, singleton

from bundles.clock import Clock
from bundles.gateway.cachers.cacher import Cacher
from bundles.gateway.cachers.lru_cacher import LruCacher
from bundles.gateway.cachers.memory_cacher import MemoryCacher
from bundles.gateway.cachers.no_cacher import NoCacher
from bundles.gateway.settings import GatewaySettings
from bundles.redis_backend import redis_backend


def bind_cacher(binder: Binder) -> None:
    """Bind `Cacher`.

    Raises:
        ConfigurationError: it is the cacher in Redis, and the bundle `redis` is not enabled.
    """
    binder.bind(Clock, scope=singleton)
    binder.bind(Cacher, to=_class_of(binder), scope=singleton)  # type: ignore[type-abstract]


def _class_of(binder: Binder) -> type[Cacher]:
    match binder.injector.get(GatewaySettings).cacher:
        case "none":
            return NoCacher
        case "memory":
            return MemoryCacher
        case "lru":
            return LruCacher
        case "redis":
            place = "bundles.gateway.cachers.redis_cacher:RedisCacher"
            cacher: type[Cacher] = redis_backend(
                binder, "gateway.cacher", '["redis", "gateway"]', place
            )
            return cacher
