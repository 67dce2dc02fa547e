"""The paths of an aiohttp application that a mounted application serves."""

from collections.abc import Iterator
from typing import Any

from aiohttp import web
from aiohttp.web_urldispatcher import PrefixResource
from yarl import URL

from rxkernel.servers.aiohttp.connection.mounted_connection import MOUNTED, MountedConnection
from rxkernel.servers.aiohttp.connection.registry import ConnectionRegistry


class MountedResource(PrefixResource):
    """Everything at and below *path* is handled by *engine*, as by a sub-application.

    Unlike aiohttp's sub-applications, *engine* may begin after the routes of the outer
    application are complete, has whole paths in its routes, and may have more than one prefix.
    """

    def __init__(
        self, path: str, engine: web.Application, connections: ConnectionRegistry
    ) -> None:
        super().__init__(path)
        self._engine = engine
        self._connections = connections
        self.is_open = True

    async def resolve(
        self, request: web.Request
    ) -> "tuple[web.UrlMappingMatchInfo | None, set[str]]":
        if not self.is_open:
            return None, set()
        request[MOUNTED] = MountedConnection(request, self._connections)
        match = await self._engine.router.resolve(request)
        match.add_app(self._engine)
        return match, set()

    def url_for(self, *args: str, **kwargs: str) -> URL:
        raise RuntimeError(".url_for() is not supported by a mounted application")

    def get_info(self) -> Any:
        return {"app": self._engine, "prefix": self.canonical}

    def __len__(self) -> int:
        return len(self._engine.router.routes())

    def __iter__(self) -> Iterator[web.AbstractRoute]:
        return iter(self._engine.router.routes())
