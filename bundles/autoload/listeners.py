"""When the directory is loaded, and when its stop hooks run."""

from injector import inject

from bundles.autoload.autoload import Autoload
from bundles.autoload.endpoints.publishing import Endpoints
from rxkernel import ApplicationEvents, BootstrapEvent, ShutdownEvent, observe


class AutoloadListeners:
    """Loads the directory at boot, when all services exist."""

    @inject
    def __init__(self, autoload: Autoload, endpoints: Endpoints) -> None:
        self._autoload = autoload
        self._endpoints = endpoints

    @observe(ApplicationEvents.BOOTSTRAP)
    async def load(self, event: BootstrapEvent) -> None:
        self._endpoints.publish(await self._autoload.boot(), event)

    @observe(ApplicationEvents.SHUTDOWN)
    async def stop(self, event: ShutdownEvent) -> None:
        await self._autoload.close()
