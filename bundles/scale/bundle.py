"""What the bundle adds to an application."""

from collections.abc import Sequence
from typing import Any

from injector import Binder, inject, singleton

from bundles.redis_backend import redis_backend
from bundles.scale.bus.bus import Bus
from bundles.scale.bus.jobs import Jobs
from bundles.scale.bus.link import Link, NoLink
from bundles.scale.bus.listeners import BusListeners
from bundles.scale.bus.server import BusServer
from bundles.scale.bus.subscribe import SUBSCRIPTION
from bundles.scale.commands import emit
from bundles.scale.limits.counts import Counts
from bundles.scale.limits.limit import OPTION
from bundles.scale.limits.listeners import LimitListeners
from bundles.scale.limits.memory_counts import MemoryCounts
from bundles.scale.presence.presence import Presence
from bundles.scale.proxy.command import proxy
from bundles.scale.recovery.listeners import RecoveryListeners
from bundles.scale.recovery.memory_recovery import MemoryRecovery
from bundles.scale.settings import ScaleSettings, secret_of
from rxkernel import Bundle, ConnectionRecovery

_BUNDLES = '["redis", "scale"]'


class ScaleBundle(Bundle):
    """Connects the processes of an application: broadcasts, events and presence reach all of
    them, and limits of calls count in all of them."""

    name = "scale"
    after = ("redis",)
    options = (SUBSCRIPTION, OPTION)
    listeners: Sequence[Any] = (BusListeners, LimitListeners)
    servers = (BusServer,)
    commands = (emit, proxy)
    settings_class = ScaleSettings
    provides = (Bus, Presence)

    @inject
    def __init__(self, settings: ScaleSettings) -> None:
        self._settings = settings
        self._recovers = settings.recovery.store != "off"
        if self._recovers:
            self.listeners = (*type(self).listeners, RecoveryListeners)

    def configure(self, binder: Binder) -> None:
        def choose(setting: str, store: str, memory: type, place: str) -> Any:
            if store == "memory":
                return memory
            return redis_backend(binder, f"scale.{setting}", _BUNDLES, f"bundles.scale.{place}")

        settings = self._settings
        if settings.bus == "redis":
            secret_of(settings)  # one error here, instead of one for each service that needs it
        link = choose("bus", settings.bus, NoLink, "bus.redis_link:RedisLink")
        counts = choose("limits", settings.limits, MemoryCounts, "limits.redis_counts:RedisCounts")
        binder.bind(Link, to=link, scope=singleton)  # type: ignore[type-abstract]
        binder.bind(Counts, to=counts, scope=singleton)  # type: ignore[type-abstract]
        if self._recovers:
            place = "recovery.redis_recovery:RedisRecovery"
            recovery = choose("recovery.store", settings.recovery.store, MemoryRecovery, place)
            binder.bind(ConnectionRecovery, to=recovery, scope=singleton)  # type: ignore[type-abstract]
        binder.bind(Jobs, scope=singleton)
        binder.bind(Bus, scope=singleton)
        binder.bind(Presence, scope=singleton)
