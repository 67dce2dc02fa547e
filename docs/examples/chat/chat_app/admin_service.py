"""`AdminService`: the events of the namespace ``/admin``, for clients with the key."""

from typing import Any

from injector import inject

from bundles.realtime import AppHandle, Service, event
from chat_app.health_monitor import HealthMonitor
from chat_app.middlewares import AdminKey
from rxkernel import Connection


class AdminService(Service, namespace="/admin", middlewares=[AdminKey]):
    """Its clients receive ``health_update`` from `HealthWatcher`."""

    @inject
    def __init__(self, app_handle: AppHandle, monitor: HealthMonitor) -> None:
        super().__init__(app_handle)
        self._monitor = monitor

    async def connect(self, connection: Connection) -> None:
        """Send the latest sample, so that a client need not wait for the next one."""
        if self._monitor.latest is not None:
            await connection.emit("health_update", self._monitor.latest)

    @event
    async def health(self) -> dict[str, Any]:
        """Measure now."""
        return await self._monitor.sample()
