"""The protocol of a connection with a fast path: decides which path handles which message."""

import asyncio
import math
import sys
from collections import deque
from collections.abc import Coroutine, Sequence
from contextvars import Context
from functools import partial
from time import monotonic
from typing import Any, cast

from aiohttp import EMPTY_PAYLOAD, web

from rxkernel.messages.request import Request
from rxkernel.messages.response import Response
from rxkernel.servers.aiohttp.connection.protocol import (
    NO_HANDLER,
    HttpConnection,
    connection_of,
)
from rxkernel.servers.aiohttp.connection.registry import ConnectionRegistry
from rxkernel.servers.aiohttp.connection.start_order import Ticket
from rxkernel.servers.aiohttp.fast_path.deferred_exchange import DeferredExchange
from rxkernel.servers.aiohttp.fast_path.fast_path import STREAM, FastPath, Sent
from rxkernel.servers.aiohttp.fast_path.framing import (
    IN_PIECES,
    Frame,
    Message,
    MessageFramer,
    PartialMessage,
    Unframed,
)
from rxkernel.servers.aiohttp.fast_path.states import (
    AIOHTTP_ONLY,
    CLOSED,
    FAST,
    HANDED_OVER,
    HANDING_OVER,
    IDLE,
)

_MAX_WAITING = 32
"""Waiting frames at which reading is paused, as in aiohttp."""

_MAX_WAITING_BYTES = 65_536
"""Bytes of waiting frames at which reading is paused. One read of the socket may exceed it."""

_FRAMING_ERROR = "fast path: error in framing"
_ERROR = "fast path: error"
"""Counters of the data that is passed to aiohttp after an error."""

_WAITS = ""
"""No counter: the preceding unframed data was counted."""


class FastPathConnection(HttpConnection):
    """Handles one message at a time, on the fast path or by aiohttp; further messages wait.

    aiohttp's handler is created when it is first needed. It gets exactly one message, so it is
    idle after the response, and the fast path may handle the next message. If the end of a
    message is unknown, aiohttp gets all further data of the connection.

    `ConnectionState` lists the states.
    """

    __slots__ = (
        "_deferred",
        "_drained",
        "_fast_path",
        "_framer",
        "_is_advancing",
        "_is_paused",
        "_response",
        "_state",
        "_waiting",
        "task",
    )

    def __init__(
        self, connections: ConnectionRegistry, server: web.Server, fast_path: FastPath
    ) -> None:
        super().__init__(connections, server)
        self._fast_path = fast_path
        self._state = IDLE
        self._framer: MessageFramer | None = None
        self._waiting: deque[Frame] = deque()
        self._is_advancing = False
        self._is_paused = False
        self._deferred: DeferredExchange | None = None
        self._response: web.StreamResponse | None = None
        self._drained: asyncio.Future[None] | None = None
        self.task: asyncio.Task[Sent] | None = None

    # --- called by the transport

    def _open(self) -> None:
        self._fast_path.connections.add(self)
        limits = self._connections.head_limits
        self._framer = MessageFramer(self, self._fast_path.loop, limits)

    def data_received(self, data: bytes) -> None:
        if self._state is AIOHTTP_ONLY:
            super().data_received(data)
            return
        frames: Message | Sequence[Frame]
        if (framer := self._framer) is None:
            frames = [Unframed(data, _WAITS)]
        else:
            try:
                frames = framer.feed(data)
            except Exception:
                self._connections.log_error(_FRAMING_ERROR)
                frames = [Unframed(data, _FRAMING_ERROR)]
        if not isinstance(frames, Message):
            self._add(frames)
        elif self._state is IDLE:
            self._begin(frames)
        else:
            self._add([frames])

    def _add(self, frames: Sequence[Frame]) -> None:
        if type(frames[-1]) is Unframed:
            self._framer = None
        self._waiting.extend(frames)
        if (task := self._task) is not None and task.done():
            # uvloop reads before it calls the callbacks of tasks that are done
            self.end_request(task)
        self._advance()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._wake(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._fast_path.connections.discard(self)
        self._state = CLOSED
        self._framer = None
        self._waiting.clear()
        self._wake(exc)
        if self._deferred is not None:
            self._deferred.fail()
        super().connection_lost(exc)

    def _wake(self, exc: Exception | None) -> None:
        waiter, self._drained = self._drained, None
        if waiter is None or waiter.done():
            return
        if exc is None:
            waiter.set_result(None)
        else:
            waiter.set_exception(ConnectionResetError("client disconnected"))

    # --- which path handles a message

    def _advance(self) -> None:
        """Handle the frames that wait, or pass them to aiohttp, as far as the state allows.

        Does nothing if it is already running, further up the stack: a task that starts at once
        calls it when it ends.
        """
        if self._is_advancing:
            return
        self._is_advancing = True
        waiting = self._waiting
        while waiting:
            state = self._state
            if self._transport.is_closing():
                waiting.clear()
            elif state is IDLE:
                self._begin(waiting.popleft())
            elif state is HANDING_OVER or state is AIOHTTP_ONLY:
                self._continue(waiting.popleft())
            else:
                break
        self._is_advancing = False
        self._pause_or_resume()

    def _pause_or_resume(self) -> None:
        waiting = self._waiting
        is_full = len(waiting) >= _MAX_WAITING or (
            len(waiting) > 1 and sum(len(frame.raw) for frame in waiting) > _MAX_WAITING_BYTES
        )
        if self._is_paused == is_full or self._transport.is_closing():
            return
        self._is_paused = is_full
        if is_full:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def _begin(self, frame: Frame) -> None:
        """IDLE: handle *frame* on the fast path in a new task, or pass it to aiohttp."""
        if isinstance(frame, Message):
            fast_path = self._fast_path
            try:
                handling = fast_path.try_handle(self, frame)
            except Exception:
                self._connections.log_error(_ERROR)
                handling = _ERROR
            if not isinstance(handling, str):
                self._state = FAST
                self._is_kept_alive = False
                order = self._connections.start_order
                if order.tickets:
                    handling = self._in_order(order.draw(), handling)
                context = fast_path.context.copy()
                name = frame.raw_path
                task = _task(handling, loop=fast_path.loop, name=name, context=context)
                if not task.done():
                    self.task = task
                    self.deadline = math.inf
                return
            reason, self._state = handling, HANDED_OVER
        elif isinstance(frame, PartialMessage):
            reason, self._state = IN_PIECES, HANDING_OVER
        else:
            reason, self._state = frame.reason, AIOHTTP_ONLY
        self._connections.counts[reason] += 1
        self._pass_to_aiohttp(frame.raw)

    def _continue(self, frame: Frame) -> None:
        """HANDING_OVER or AIOHTTP_ONLY: pass *frame* to aiohttp."""
        if isinstance(frame, PartialMessage):
            if frame.is_last and self._state is HANDING_OVER:
                self._state = HANDED_OVER
        elif isinstance(frame, Unframed) and self._state is HANDING_OVER:
            self._state = AIOHTTP_ONLY
            self._connections.counts[frame.reason] += 1
        super().data_received(frame.raw)

    async def _in_order(self, ticket: Ticket, handling: Coroutine[Any, Any, Sent]) -> Sent:
        """Run *handling* once the requests that were read before have started."""
        try:
            await self._connections.start_order.wait(ticket)
        except asyncio.CancelledError:
            handling.close()
            self.task = None
            self._close()
            raise
        return await handling

    def _pass_to_aiohttp(self, raw: bytes) -> None:
        self.handler()
        super().data_received(raw)

    # --- FAST

    def finish_fast_request(
        self, request: Request, response: Response | None, keep_alive: bool, size: int | None
    ) -> None:
        self.task = None
        kernel = self._fast_path.kernel
        if (deferred := self._deferred) is not None:
            if deferred.is_resolved:
                self._deferred = None
                return  # aiohttp's task ends the request
            deferred.fail()  # `_deferred` stays set: aiohttp may have the message
            failure = asyncio.CancelledError("client disconnected before the response was sent")
            kernel.terminate(request, response, failure=failure)
        else:
            kernel.terminate(request, response, size)
        if self._state is CLOSED:
            return
        if keep_alive:
            self._state = IDLE
            self._is_kept_alive = True
            self.deadline = monotonic() + self._connections.keepalive_timeout
            if self._waiting:
                self._advance()
        else:
            self._close()

    def _close(self) -> None:
        self._state = CLOSED
        self._waiting.clear()
        self._transport.close()

    def write(self, data: bytes) -> bool:
        if self._transport.is_closing():
            return False
        self._transport.write(data)
        return True

    async def drained(self) -> None:
        self._drained = asyncio.get_running_loop().create_future()
        await self._drained

    # --- HANDED_OVER

    @property
    def transport(self) -> asyncio.Transport | None:
        return None if self._state is CLOSED else self._transport

    def native(self, message: Message) -> web.Request:
        return self._fast_path.native(self.handler(), message)

    def handler(self) -> web.RequestHandler:
        """Return aiohttp's handler; create it at the first call.

        If the connection is closed, it has no transport.
        """
        if self._state is CLOSED:
            handler = self._connections.new_handler(self._server)
            handler.connection = self
            return handler
        if self._handler is NO_HANDLER:
            # not in the context of the current request, which ends before the handler
            self._handler_context().copy().run(super()._open)
        return cast(web.RequestHandler, self._handler)

    def _handler_context(self) -> Context:
        return self._fast_path.context

    def hand_over_to_aiohttp(self, message: Message, deferred: DeferredExchange) -> None:
        self._deferred = deferred
        if self._transport.is_closing():
            deferred.fail()
            return
        self._state = HANDED_OVER
        self._connections.counts[STREAM] += 1
        self._pass_to_aiohttp(message.raw)

    def pending_exchange(self) -> DeferredExchange | None:
        """Return the exchange whose response aiohttp must send, if the fast path has one."""
        return self._deferred

    def set_response(self, out: web.StreamResponse) -> None:
        self._response = out

    def end_request(self, task: "asyncio.Task[Any]") -> None:
        if task is not self._task:
            super().end_request(task)
            return
        response, self._response = self._response, None
        is_read = self._body is EMPTY_PAYLOAD or self._body.is_eof()
        super().end_request(task)
        if self._state is HANDED_OVER and is_read and response is not None and response.keep_alive:
            self._state = IDLE
        elif self._state is HANDED_OVER or self._state is HANDING_OVER:
            self._state = AIOHTTP_ONLY
            self._framer = None
        else:
            return
        self._advance()

    # --- shutdown

    def stop(self) -> None:
        self._waiting.clear()
        if self._state is IDLE:
            self._close()


def deferred_exchange(native: web.BaseRequest) -> DeferredExchange | None:
    """Return the exchange of the fast path whose response must be sent to *native*, if any."""
    connection = connection_of(native)
    return connection.pending_exchange() if isinstance(connection, FastPathConnection) else None


if sys.version_info >= (3, 12):
    _task = partial(asyncio.Task, eager_start=True)
else:
    _task = asyncio.Task
