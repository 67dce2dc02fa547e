"""Several processes and machines: limits of calls that all of them share."""

from bundles.scale.bundle import ScaleBundle
from bundles.scale.limits.keys import by_address, by_client
from bundles.scale.limits.limit import Limit, Limits, limit, limits_of
from bundles.scale.settings import ScaleSettings

__all__ = [
    "Limit",
    "Limits",
    "ScaleBundle",
    "ScaleSettings",
    "by_address",
    "by_client",
    "limit",
    "limits_of",
]
