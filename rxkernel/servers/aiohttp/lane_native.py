"""aiohttp's own request for one that the fast lane answers, for who asks for ``native``."""

import asyncio

from aiohttp import web
from aiohttp.http import StreamWriter

from rxkernel.servers.aiohttp.framing import Message
from rxkernel.servers.aiohttp.kernel_native import KernelNative


class LaneNative(KernelNative):
    """As aiohttp would have made it; its body has been read. *handler* serves the connection."""

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
        self.engine = engine
        self.route = route
