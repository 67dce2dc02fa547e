"""The exchange of a request that the fast path handles and whose response aiohttp sends."""

import asyncio
from time import perf_counter

from aiohttp import web

from rxkernel.kernel.kernel import Kernel
from rxkernel.messages.request import Request
from rxkernel.servers.aiohttp.connection.access_log import FAST_PATH_DURATION
from rxkernel.servers.aiohttp.response.exchange import Exchange


class DeferredExchange(Exchange):
    """An exchange whose task waits for ``native``, aiohttp's request for the same message.

    It is created in that task, which sends the response to ``native``. *cached_native* is the
    request that the action has used, if any.
    """

    is_resolved = False

    def __init__(
        self, kernel: Kernel, request: Request, cached_native: web.Request | None
    ) -> None:
        super().__init__(kernel, request)
        self._cached_native = cached_native
        self.native: asyncio.Future[web.Request] = asyncio.get_running_loop().create_future()
        self._task = asyncio.current_task()

    async def resolve(self, native: web.Request) -> web.StreamResponse:
        """Set *native*, and return the response that the task has sent to it."""
        assert self._task is not None
        if self._cached_native is not None:
            native.update(self._cached_native)  # the items that the action has set
        self.request.native = native
        native[FAST_PATH_DURATION] = perf_counter() - self.request.received_at
        self.native.set_result(native)
        self.is_resolved = True
        out: web.StreamResponse = await self._task
        return out

    @property
    def is_failed(self) -> bool:
        """Whether the request was ended and logged before aiohttp had its message."""
        return self.native.done()

    def fail(self) -> None:
        """Called if the client disconnects, or the task is cancelled, before `resolve`."""
        if not self.native.done():
            self.native.set_exception(ConnectionResetError("client disconnected"))
