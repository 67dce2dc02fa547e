"""The gateway: ``python -m rxkernel serve benchmarks.servers.gateway_app:application``."""

from benchmarks.servers.raised_limits import RAISED_LIMITS
from bundles.gateway import GatewayBundle, action
from rxkernel import Application


class Math:
    @action("math.add", visibility="published")
    async def add(self, a: float, b: float) -> float:
        return a + b


def application() -> Application:
    return Application(bundles=[GatewayBundle()], controllers=[Math], settings=RAISED_LIMITS)
