"""Receives requests from an aiohttp application of the user, not from a port."""

from aiohttp import web

from rxkernel.servers.aiohttp.connection.registry import ConnectionRegistry
from rxkernel.servers.aiohttp.host_application import HostApplication
from rxkernel.servers.aiohttp.mounted_resource import MountedResource
from rxkernel.servers.server import ServerStartError


class MountedListener:
    """The counterpart of `Listener` for a mounted *engine*."""

    port = None

    def __init__(
        self,
        engine: web.Application,
        host: HostApplication,
        paths: list[str],
        connections: ConnectionRegistry,
    ) -> None:
        self._engine = engine
        self._host = host
        self._paths = paths
        self._runner = web.AppRunner(engine)
        self._resources: list[MountedResource] = []
        self._connections = connections

    async def start(self) -> None:
        """Serve the paths.

        Raises:
            ServerStartError: the aiohttp application does not start now.
            ConfigurationError: the aiohttp application has routes for the same paths.
        """
        if not self._host.is_starting:
            raise ServerStartError(
                "the application is mounted in an aiohttp application, which starts and stops it; "
                "run the aiohttp application, for example with aiohttp.web.run_app(native)"
            )
        await self._runner.setup()
        try:
            self._resources = self._host.resources(self._paths)
        except BaseException:
            await self.close()
            raise
        for resource in self._resources:
            resource.open(self._engine, self._connections)

    async def stop_accepting(self) -> None:
        """Do nothing: aiohttp has closed its ports already."""

    async def wait_for_clients(self, seconds: float) -> None:
        """Do nothing: aiohttp has closed idle connections already."""

    async def close(self) -> None:
        """Stop serving the paths. aiohttp closes the connections."""
        for resource in self._resources:
            resource.close()
        await self._runner.cleanup()
        self._connections.close()
