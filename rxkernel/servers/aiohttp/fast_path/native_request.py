"""The aiohttp request of a message on the fast path, for code that reads ``native``."""

import asyncio
from typing import Self, cast
from weakref import proxy

from aiohttp import http, web

from rxkernel.servers.aiohttp.fast_path.framing import Message


class FastPathNative(web.Request):
    """A request as aiohttp's dispatcher creates it, with a body that has been read."""

    @classmethod
    def of(
        cls,
        message: Message,
        handler: web.RequestHandler,
        engine: web.Application,
        route: web.AbstractRoute,
        body_limit: int,
    ) -> Self:
        """Return the request for *message*, which the current task handles.

        *handler* serves the connection; *route* is the route that the dispatcher would have found
        in *engine*.
        """
        loop = asyncio.get_running_loop()
        task = asyncio.current_task()
        assert task is not None
        message.payload.read_nowait()
        native = cls(
            message.parsed,
            message.payload,
            handler,
            http.StreamWriter(handler, loop),
            cast("asyncio.Task[None]", proxy(task)),  # a proxy avoids a cycle through its context
            loop,
            client_max_size=body_limit,
        )
        match_info = web.UrlMappingMatchInfo({"path": message.rel_url.path[1:]}, route)
        match_info.add_app(engine)
        native._match_info = match_info  # read by `match_info`, `app`, `config_dict` and `clone`
        return native
