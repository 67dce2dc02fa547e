"""The paths of an aiohttp application that a mounted application serves."""

from collections.abc import Iterator
from typing import Any

from aiohttp import web
from aiohttp.web_urldispatcher import PrefixResource
from yarl import URL

from rxkernel.servers.aiohttp.connection.mounted_connection import MOUNTED, MountedConnection
from rxkernel.servers.aiohttp.connection.registry import ConnectionRegistry


class MountedResource(PrefixResource):
    """Passes all requests at and below its path to an engine, like a sub-application.

    Unlike aiohttp's sub-applications, an engine has whole paths in its routes and may have several
    prefixes. Each start creates a new engine.
    """

    _engine: web.Application | None = None
    _connections: ConnectionRegistry

    def open(self, engine: web.Application, connections: ConnectionRegistry) -> None:
        """Pass the requests to *engine* from now on."""
        self._engine, self._connections = engine, connections

    def close(self) -> None:
        """Handle no requests: further ones get 404."""
        self._engine = None

    async def resolve(
        self, request: web.Request
    ) -> "tuple[web.UrlMappingMatchInfo | None, set[str]]":
        if (engine := self._engine) is None:
            return None, set()
        request[MOUNTED] = MountedConnection(request, self._connections)
        match = await engine.router.resolve(request)
        match.add_app(engine)
        return match, set()

    def url_for(self, *args: str, **kwargs: str) -> URL:
        raise RuntimeError(".url_for() is not supported by a mounted application")

    def get_info(self) -> Any:
        return {"app": self._engine, "prefix": self.canonical}

    def __len__(self) -> int:
        return 0 if self._engine is None else len(self._engine.router.routes())

    def __iter__(self) -> Iterator[web.AbstractRoute]:
        return iter(() if self._engine is None else self._engine.router.routes())
