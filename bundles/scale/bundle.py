"""What the bundle adds to an application."""

from injector import Binder, inject, singleton

from bundles.redis_choice import redis_store
from bundles.scale.limits.counts import Counts
from bundles.scale.limits.limit import OPTION
from bundles.scale.limits.listeners import LimitListeners
from bundles.scale.limits.memory_counts import MemoryCounts
from bundles.scale.proxy.command import proxy
from bundles.scale.settings import ScaleSettings
from rxkernel import Bundle


class ScaleBundle(Bundle):
    """What several processes share."""

    name = "scale"
    after = ("redis",)
    options = (OPTION,)
    listeners = (LimitListeners,)
    commands = (proxy,)
    settings_class = ScaleSettings

    @inject
    def __init__(self, settings: ScaleSettings) -> None:
        self._settings = settings

    def configure(self, binder: Binder) -> None:
        counts: type[Counts] = MemoryCounts
        if self._settings.limits == "redis":
            place = "bundles.scale.limits.redis_counts:RedisCounts"
            counts = redis_store(binder, "scale.limits", '["redis", "scale"]', place)
        binder.bind(Counts, to=counts, scope=singleton)  # type: ignore[type-abstract]
