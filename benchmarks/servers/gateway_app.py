"""The gateway: ``python -m rxkernel serve benchmarks.servers.gateway_app:application``.

Limits of one client and one address are raised, because here all clients have one address.
"""

from bundles.gateway import GatewayBundle, action
from rxkernel import Application, HttpSettings, Settings, SocketioSettings

_MANY = 100_000


class Math:
    @action("math.add", visibility="published")
    async def add(self, a: float, b: float) -> float:
        return a + b


def application() -> Application:
    return Application(
        bundles=[GatewayBundle()],
        controllers=[Math],
        settings=Settings(
            http=HttpSettings(port=0, max_connections=_MANY, max_connections_per_address=_MANY),
            socketio=SocketioSettings(
                max_sessions=_MANY, max_sessions_per_address=_MANY, max_rate=1_000_000.0
            ),
        ),
    )
