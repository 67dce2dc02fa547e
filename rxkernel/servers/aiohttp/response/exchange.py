"""A request and its response."""

import asyncio
from typing import Any

from aiohttp import web

from rxkernel.kernel.kernel import Kernel
from rxkernel.messages.request import Request
from rxkernel.messages.response import Response
from rxkernel.servers.aiohttp.response.stream import Stream
from rxkernel.servers.http.statuses import WITHOUT_CONTENT


class Exchange:
    """A request of the kernel and the response to it.

    Attributes:
        response: the kernel's response, once it is being sent.
        out: aiohttp's response for it.
        stream: sends the body of *response* in pieces, if it is a stream.
        sending_task: aiohttp's task of the request, which ends when the response has been sent.
        is_head: whether *out* responds to HEAD, so that its body is not sent.
        action_task: the task that ran the listeners and the action, if it is not `sending_task`.
    """

    response: Response | None = None
    out: web.StreamResponse | None = None
    stream: Stream | None = None
    sending_task: "asyncio.Task[Any] | None" = None
    action_task: "asyncio.Task[Any] | None" = None
    is_head = False

    def __init__(self, kernel: Kernel, request: Request) -> None:
        self.kernel = kernel
        self.request = request

    def begin_sending(self) -> None:
        """Note that the current task sends the response. `end` is called when the task is done."""
        task = asyncio.current_task()
        assert task is not None
        task.add_done_callback(self.end)
        self.sending_task = task

    def end(self, task: "asyncio.Task[Any]") -> None:
        """Terminate the request; called when *task*, its `sending_task`, is done."""
        request, task = self.request, self.action_task or task
        has_listeners = (
            request.definition is not None and request.definition.pipeline.has_terminate_listeners
        )
        size = self._size() if has_listeners else None
        failure: BaseException | None = None
        if self.stream is not None:
            failure = self.stream.failure
        elif self.response is None:
            failure = asyncio.CancelledError("no response was sent")
        self.kernel.terminate(request, self.response, size=size, failure=failure, task=task)

    def _size(self) -> int | None:
        """Bytes of the body that were sent; None if the body was not sent to its end."""
        out = self.out
        if out is None or not out.body_length:  # aiohttp sets it at the end
            return None
        if self.stream is not None:
            return self.stream.sent
        if self.is_head or out.status in WITHOUT_CONTENT:
            return 0
        return out.content_length
