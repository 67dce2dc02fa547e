"""aiohttp's own request for one that the fast path answers, for who asks for ``native``."""

import asyncio
from typing import Self, cast
from weakref import proxy

from aiohttp import web
from aiohttp.http import StreamWriter

from rxkernel.servers.aiohttp.fast_path.framing import Message
from rxkernel.servers.aiohttp.request.native_request import NativeRequest


class FastPathNative(NativeRequest):
    """As aiohttp would have made it; its body has been read."""

    @classmethod
    def of(
        cls,
        message: Message,
        handler: web.RequestHandler,
        engine: web.Application,
        route: web.AbstractRoute,
        body_limit: int,
    ) -> Self:
        """That of *message*, which the current task answers; *handler* serves the connection."""
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
