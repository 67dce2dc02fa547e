"""A handshake that an action has begun, and that is sent after the response listeners have run."""

import asyncio
import logging

from aiohttp import web

from rxkernel.exceptions import ForbiddenException
from rxkernel.headers import Headers
from rxkernel.messages.response import Response
from rxkernel.servers.aiohttp.websocket import WebSocket

logger = logging.getLogger(__name__)


class PendingHandshake:
    """Implements `Handshake` for *websocket*, and `BeforeHandshake` for the task that serves it.

    Attributes:
        work: the task, which ends when the WebSocket is closed or rejected.
    """

    websocket: WebSocket
    work: "asyncio.Task[None]"

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self._is_begun: asyncio.Future[None] = loop.create_future()
        self._headers: asyncio.Future[Headers] = loop.create_future()

    async def __call__(self) -> Headers:
        """See `BeforeHandshake`."""
        self._is_begun.set_result(None)
        return await self._headers

    async def rejection(self) -> Response | None:
        """Wait until the task accepts or rejects the WebSocket; return the response of a
        rejection, else None.

        Cancelling the caller cancels the task.

        Raises:
            Exception: raised by the task.
        """
        try:
            await asyncio.wait({self.work, self._is_begun}, return_when="FIRST_COMPLETED")
        except asyncio.CancelledError:
            await self.aclose()
            raise
        if not self.work.done():
            return None
        self.work.result()
        if self.websocket.rejection is None:
            raise ForbiddenException("the WebSocket was not accepted")
        return self.websocket.rejection

    async def complete(self, headers: Headers) -> web.StreamResponse:
        """See `Handshake`."""
        if not self._headers.done():
            self._headers.set_result(headers)
        try:
            await asyncio.wait({self.work})
        except asyncio.CancelledError:
            await self.aclose()
            raise
        if not self.websocket.is_accepted:
            self.work.result()
            raise ForbiddenException("the WebSocket was not accepted")
        return self.websocket.response

    async def aclose(self) -> None:
        """See `Handshake`. Does nothing once the task has ended."""
        if not self.work.done():
            self.work.cancel()
            await asyncio.wait({self.work})
            if not self.work.cancelled() and (failure := self.work.exception()) is not None:
                what = "the WebSocket %s failed while it was cancelled"
                logger.error(what, self.websocket.request.path, exc_info=failure)
