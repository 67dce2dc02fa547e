"""Several processes and machines: broadcasts, events and presence over a bus, limits of calls."""

from bundles.scale.bundle import ScaleBundle
from bundles.scale.bus.bus import Bus
from bundles.scale.bus.subscribe import subscribe
from bundles.scale.limits.keys import by_address, by_client
from bundles.scale.limits.limit import Limit, Limits, limit, limits_of
from bundles.scale.presence.member import Member
from bundles.scale.presence.presence import Presence
from bundles.scale.presence.settings import PresenceSettings
from bundles.scale.recovery.settings import RecoverySettings
from bundles.scale.settings import ScaleSettings

__all__ = [
    "Bus",
    "Limit",
    "Limits",
    "Member",
    "Presence",
    "PresenceSettings",
    "RecoverySettings",
    "ScaleBundle",
    "ScaleSettings",
    "by_address",
    "by_client",
    "limit",
    "limits_of",
    "subscribe",
]
