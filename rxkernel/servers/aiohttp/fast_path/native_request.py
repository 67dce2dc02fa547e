"""aiohttp's own request for one that the fast path handles, for code that reads ``native``."""

import asyncio
from typing import Any, Self, cast
from weakref import proxy

from aiohttp import web
from aiohttp.helpers import ChainMapProxy
from aiohttp.http import StreamWriter

from rxkernel.servers.aiohttp.fast_path.framing import Message


class FastPathNative(web.Request):
    """As aiohttp's dispatcher would have made it, which has not seen it; its body has been read.

    *route* is the route that it would have found in *engine*.
    """

    ATTRS = web.Request.ATTRS | frozenset(("engine", "found", "route"))

    engine: web.Application
    route: web.AbstractRoute
    found: web.UrlMappingMatchInfo | None = None

    @classmethod
    def of(
        cls,
        message: Message,
        handler: web.RequestHandler,
        engine: web.Application,
        route: web.AbstractRoute,
        body_limit: int,
    ) -> Self:
        """That of *message*, which the current task handles; *handler* serves the connection."""
        loop = asyncio.get_running_loop()
        task = asyncio.current_task()
        assert task is not None
        message.payload.read_nowait()
        native = cls(
            message.parsed,
            message.payload,
            handler,
            StreamWriter(handler, loop),
            cast("asyncio.Task[None]", proxy(task)),  # whose context has this request: a cycle
            loop,
            client_max_size=body_limit,
        )
        native.engine = engine
        native.route = route
        return native

    @property
    def match_info(self) -> web.UrlMappingMatchInfo:
        if self.found is None:
            self.found = web.UrlMappingMatchInfo({"path": self.rel_url.path[1:]}, self.route)
            self.found.add_app(self.engine)
        return self.found

    def clone(self, **changed: Any) -> "FastPathNative":
        other = cast(FastPathNative, super().clone(**changed))
        other.engine, other.route, other.found = self.engine, self.route, self.match_info
        return other

    @property
    def app(self) -> web.Application:
        return self.engine

    @property
    def config_dict(self) -> ChainMapProxy:
        return ChainMapProxy([self.engine])
