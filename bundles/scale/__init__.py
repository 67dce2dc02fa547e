"""Several processes and machines: broadcasts and events over a bus, and limits of calls."""

from bundles.scale.bundle import ScaleBundle
from bundles.scale.bus.bus import Bus
from bundles.scale.bus.subscribe import subscribe
from bundles.scale.limits.keys import by_address, by_client
from bundles.scale.limits.limit import Limit, Limits, limit, limits_of
from bundles.scale.settings import ScaleSettings

__all__ = [
    "Bus",
    "Limit",
    "Limits",
    "ScaleBundle",
    "ScaleSettings",
    "by_address",
    "by_client",
    "limit",
    "limits_of",
    "subscribe",
]
