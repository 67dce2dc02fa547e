"""What the bundle adds to an application."""

from types import MappingProxyType

from injector import Binder, inject, singleton

from bundles.gateway.broker.action import ACTION
from bundles.gateway.broker.broker import Broker
from bundles.gateway.broker.context import ContextMarker
from bundles.gateway.broker.context_resolver import ContextResolver
from bundles.gateway.broker.emitter import Emitter
from bundles.gateway.broker.listeners import BrokerListeners
from bundles.gateway.broker.messages import Messages
from bundles.gateway.broker.on_event import EVENT_HANDLER
from bundles.gateway.broker.retries import Retries
from bundles.gateway.broker.transport import ACTIONS, EVENTS
from bundles.gateway.cachers.cacher import Cacher
from bundles.gateway.cachers.caching import Caching
from bundles.gateway.cachers.clock import Clock
from bundles.gateway.cachers.lru_cacher import LruCacher
from bundles.gateway.cachers.memory_cacher import MemoryCacher
from bundles.gateway.cachers.no_cacher import NoCacher
from bundles.gateway.settings import GatewaySettings
from bundles.redis_choice import redis_store
from rxkernel import Bundle


class GatewayBundle(Bundle):
    """Actions and events that are called by name."""

    name = "gateway"
    after = ("redis",)
    options = (ACTION, EVENT_HANDLER)
    listeners = (BrokerListeners, Caching)
    transports = (ACTIONS, EVENTS)
    resolvers = MappingProxyType({ContextMarker: ContextResolver})
    settings_class = GatewaySettings

    @inject
    def __init__(self, settings: GatewaySettings) -> None:
        self._settings = settings

    def configure(self, binder: Binder) -> None:
        binder.bind(Clock, scope=singleton)
        binder.bind(Cacher, to=self._cacher_class(binder), scope=singleton)  # type: ignore[type-abstract]
        binder.bind(Retries, to=Retries())
        for service in (Messages, Emitter, Broker):
            binder.bind(service, scope=singleton)

    def _cacher_class(self, binder: Binder) -> type[Cacher]:
        match self._settings.cacher:
            case "none":
                return NoCacher
            case "memory":
                return MemoryCacher
            case "lru":
                return LruCacher
            case "redis":
                place = "bundles.gateway.cachers.redis_cacher:RedisCacher"
                cacher: type[Cacher] = redis_store(
                    binder, "gateway.cacher", '["redis", "gateway"]', place
                )
                return cacher
