"""Several processes and machines: broadcasts and events over a bus."""

from bundles.scale.bundle import ScaleBundle
from bundles.scale.bus.bus import Bus
from bundles.scale.bus.subscribe import subscribe
from bundles.scale.settings import ScaleSettings

__all__ = ["Bus", "ScaleBundle", "ScaleSettings", "subscribe"]
