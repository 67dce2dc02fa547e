"""aiohttp's own request for one that the fast lane answers, for who asks for ``native``."""

import asyncio

from aiohttp import web
from aiohttp.helpers import ChainMapProxy
from aiohttp.http import StreamWriter

from rxkernel.servers.aiohttp.framing import Message


class LaneNative(web.Request):
    """As aiohttp would have made it; its body has been read.

    *handler* serves the connection, *route* is the one that aiohttp would have found in
    *engine*.
    """

    ATTRS = web.Request.ATTRS | frozenset(("_engine", "_found"))

    def __init__(
        self,
        message: Message,
        handler: web.RequestHandler,
        engine: web.Application,
        route: web.AbstractRoute,
        body_limit: int,
    ) -> None:
        loop = asyncio.get_running_loop()
        task = asyncio.current_task()
        assert task is not None
        message.payload.read_nowait()
        super().__init__(
            message.parsed,
            message.payload,
            handler,
            StreamWriter(handler, loop),
            task,
            loop,
            client_max_size=body_limit,
        )
        self._engine = engine
        self._found = web.UrlMappingMatchInfo({"path": self.rel_url.path[1:]}, route)
        self._found.add_app(engine)

    @property
    def match_info(self) -> web.UrlMappingMatchInfo:
        return self._found

    @property
    def app(self) -> web.Application:
        return self._engine

    @property
    def config_dict(self) -> ChainMapProxy:
        return ChainMapProxy([self._engine])
