"""When the directory is loaded, and when its stop hooks run."""

from injector import inject

from bundles.autoload.autoload import Autoload
from rxkernel import ApplicationEvents, BootstrapEvent, ShutdownEvent, observe


class AutoloadListeners:
    """Loads the directory at boot, when all services exist."""

    @inject
    def __init__(self, autoload: Autoload) -> None:
        self._autoload = autoload

    @observe(ApplicationEvents.BOOTSTRAP)
    async def load(self, event: BootstrapEvent) -> None:
        await self._autoload.boot()

    @observe(ApplicationEvents.SHUTDOWN)
    async def stop(self, event: ShutdownEvent) -> None:
        await self._autoload.close()
