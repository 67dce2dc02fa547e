"""A request and its response."""

import asyncio
from typing import Any

from aiohttp import web

from rxkernel.kernel.kernel import Kernel
from rxkernel.messages.request import Request
from rxkernel.messages.response import Response
from rxkernel.servers.aiohttp.response.stream import Stream
from rxkernel.servers.http.response_writer import BODILESS


class Exchange:
    """A request and what was sent for it, if anything could be.

    ``sender`` is aiohttp's task for it, which ends when the response has been sent. ``runner`` is
    the task that has run the listeners and the action, if that is another one. ``response`` is
    the one to send, ``out`` is aiohttp's for it, ``stream`` sends it piece by piece.
    """

    response: Response | None = None
    out: web.StreamResponse | None = None
    stream: Stream | None = None
    sender: "asyncio.Task[Any] | None" = None
    runner: "asyncio.Task[Any] | None" = None

    def __init__(self, kernel: Kernel, request: Request) -> None:
        self.kernel = kernel
        self.request = request

    def end(self, task: "asyncio.Task[Any]") -> None:
        """The request's *task* is done."""
        request, task = self.request, self.runner or task
        is_heard = (
            request.definition is not None and request.definition.pipeline.has_terminate_listeners
        )
        size = self._size() if is_heard else None
        failure: BaseException | None = None
        if self.stream is not None:
            failure = self.stream.broke_with
        elif self.response is None:
            failure = asyncio.CancelledError("no response was sent")
        self.kernel.terminate(request, self.response, size=size, failure=failure, task=task)

    def _size(self) -> int | None:
        """Bytes of the body, None unless it was sent to its end; aiohttp counts them then."""
        out = self.out
        if out is None or not out.body_length:
            return None
        if self.stream is not None:
            return self.stream.sent
        if self.request.method == "HEAD" or out.status in BODILESS:
            return 0
        return out.content_length
