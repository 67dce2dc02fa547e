"""Loads the directory at boot, and calls its stop hooks at the end."""

from injector import inject

from bundles.autoload.autoload import Autoload
from bundles.autoload.endpoints.publishing import Endpoints
from bundles.autoload.reload.live_reload import LiveReload
from rxkernel import (
    ApplicationEvents,
    BootstrapEvent,
    ServerEvent,
    ServerEvents,
    ShutdownEvent,
    observe,
)


class AutoloadListeners:
    """Loads the directory at boot, after all services were built."""

    @inject
    def __init__(self, autoload: Autoload, endpoints: Endpoints, live_reload: LiveReload) -> None:
        self._autoload = autoload
        self._endpoints = endpoints
        self._live_reload = live_reload

    @observe(ApplicationEvents.BOOTSTRAP)
    async def load(self, event: BootstrapEvent) -> None:
        self._endpoints.prepare(event)
        self._endpoints.publish(await self._autoload.boot(), event)

    @observe(ServerEvents.STARTED)
    async def watch(self, event: ServerEvent) -> None:
        await self._live_reload.start()

    @observe(ServerEvents.STOPPING)
    async def watch_no_longer(self, event: ServerEvent) -> None:
        await self._live_reload.stop()

    @observe(ApplicationEvents.SHUTDOWN)
    async def stop(self, event: ShutdownEvent) -> None:
        await self._live_reload.close()
        await self._autoload.close()
