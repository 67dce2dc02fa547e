"""The protocol of a connection with a fast path: which path handles which message."""

import asyncio
import math
import sys
from collections import deque
from collections.abc import Sequence
from enum import Enum
from functools import partial
from time import monotonic
from typing import Any, cast

from aiohttp import EMPTY_PAYLOAD, web

from rxkernel.messages.request import Request
from rxkernel.messages.response import Response
from rxkernel.servers.aiohttp.connection.protocol import DEAF, HttpConnection
from rxkernel.servers.aiohttp.connection.registry import ConnectionRegistry
from rxkernel.servers.aiohttp.fast_path.fast_path import DeferredExchange, FastPath, Sent
from rxkernel.servers.aiohttp.fast_path.framing import (
    Cut,
    Message,
    MessageFramer,
    PartialMessage,
    Unframed,
)

_MOST_HELD = 32
"""Messages that wait for the one before them until no more is read, as with aiohttp."""


class _Turn(Enum):
    NOBODY = "nobody"
    LANE = "lane"
    AIOHTTP = "aiohttp"
    AIOHTTP_FOR_EVER = "aiohttp for ever"
    LOST = "lost"


_NOBODY = _Turn.NOBODY


class FastPathConnection(HttpConnection):
    """One message at a time is the lane's or aiohttp's; those behind it wait.

    ``_turn`` goes from NOBODY to LANE and back; or to AIOHTTP, from LANE too where the lane hands
    over (``_handover`` is there until aiohttp has claimed it), and back once that is answered.
    AIOHTTP_FOR_EVER and LOST are the ends.

    aiohttp's handler is made when it is first needed. It gets one message and no byte more, so
    it is idle once that is answered, and the next may be the lane's again. Where the end of a
    message is not known, it keeps the connection.
    """

    __slots__ = (
        "_answer",
        "_drained",
        "_framing",
        "_handover",
        "_held",
        "_is_going_on",
        "_is_reading",
        "_is_whole",
        "_lane",
        "_turn",
        "task",
    )

    def __init__(
        self, connections: ConnectionRegistry, server: web.Server, lane: FastPath
    ) -> None:
        super().__init__(connections, server)
        self._lane = lane
        self._turn = _NOBODY
        self._framing: MessageFramer | None = None
        self._held: deque[Cut] = deque()
        self._is_going_on = False
        self._is_reading = True
        self._is_whole = False
        self._handover: DeferredExchange | None = None
        self._answer: web.StreamResponse | None = None
        self._drained: asyncio.Future[None] | None = None
        self.task: asyncio.Task[Sent] | None = None

    # --- what the transport calls

    def _open(self) -> None:
        self._lane.lines.add(self)
        self._framing = MessageFramer(self, self._lane.loop)

    def data_received(self, data: bytes) -> None:
        cut = self._framing.cut(data) if self._framing is not None else [Unframed(data)]
        if type(cut) is Message and self._turn is _NOBODY:
            self._begin(cut)
        elif self._is_admitted:
            self._hold([cut] if isinstance(cut, Message) else cut)

    def _hold(self, cuts: Sequence[Cut]) -> None:
        if type(cuts[-1]) is Unframed:
            self._framing = None
        self._held.extend(cuts)
        self._go_on()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._wake(None)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._is_admitted:
            self._lane.lines.discard(self)
            self._turn = _Turn.LOST
            self._framing = None
            self._held.clear()
            self._wake(exc)
            if self._handover is not None:
                self._handover.lose()
        super().connection_lost(exc)

    def _wake(self, exc: Exception | None) -> None:
        waiter, self._drained = self._drained, None
        if waiter is None or waiter.done():
            return
        if exc is None:
            waiter.set_result(None)
        else:
            waiter.set_exception(ConnectionResetError("the client has left"))

    # --- whose turn it is

    def _go_on(self) -> None:
        """Begin what waits, as far as it may; not from within a task that this has begun."""
        if self._is_going_on:
            return
        self._is_going_on = True
        held = self._held
        while held:
            turn = self._turn
            if turn is _NOBODY:
                self._begin(held.popleft())
            elif turn is _Turn.AIOHTTP_FOR_EVER:
                super().data_received(held.popleft().raw)
            elif turn is _Turn.AIOHTTP and not self._is_whole:
                cut = held.popleft()
                if isinstance(cut, PartialMessage):
                    self._is_whole = cut.is_last
                else:
                    self._turn = _Turn.AIOHTTP_FOR_EVER
                super().data_received(cut.raw)
            else:
                break
        self._is_going_on = False
        self._read_or_pause()

    def _read_or_pause(self) -> None:
        if self._is_reading == (len(self._held) < _MOST_HELD) or self._transport.is_closing():
            return
        self._is_reading = not self._is_reading
        if self._is_reading:
            self._transport.resume_reading()
        else:
            self._transport.pause_reading()

    def _begin(self, cut: Cut) -> None:
        """It is nobody's turn: give it to whom *cut* belongs."""
        if type(cut) is Message:
            try:
                answer = self._lane.enter(self, cut)
            except Exception:  # aiohttp's lane meets it too, and tells
                answer = None
            if answer is not None:
                self._turn = _Turn.LANE
                self._is_idle = False
                lane = self._lane
                task = _task(answer, loop=lane.loop, context=lane.context.copy())
                if not task.done():
                    self.task = task
                    self.deadline = math.inf
                return
            self._is_whole = True
        elif type(cut) is PartialMessage:
            self._is_whole = cut.is_last
        self._turn = _Turn.AIOHTTP_FOR_EVER if type(cut) is Unframed else _Turn.AIOHTTP
        self._give(cut.raw)

    def _give(self, raw: bytes) -> None:
        self.handler()
        super().data_received(raw)

    # --- the lane's turn

    def ran(
        self, request: Request, response: Response | None, keeps: bool, size: int | None
    ) -> None:
        self.task = None
        lane = self._lane
        if (handover := self._handover) is not None:
            if handover.is_given:
                self._handover = None
                return  # aiohttp's request is the one that ends
            handover.lose()  # and it stays, for aiohttp may have the message already
            failure = asyncio.CancelledError("the client left before the response was sent")
            lane.kernel.terminate(request, response, failure=failure)
        else:
            lane.kernel.terminate(request, response, size=size)
        if self._turn is _Turn.LOST:
            return
        if keeps:
            self._turn = _NOBODY
            self._is_idle = True
            self.deadline = monotonic() + self._connections.keepalive_timeout
            if self._held:
                self._go_on()
        else:
            self._close()

    def _close(self) -> None:
        self._turn = _Turn.AIOHTTP_FOR_EVER
        self._held.clear()
        self._transport.close()

    def write(self, data: bytes) -> bool:
        if self._transport.is_closing():
            return False
        self._transport.write(data)
        return True

    async def drained(self) -> None:
        self._drained = asyncio.get_running_loop().create_future()
        await self._drained

    # --- aiohttp's turn

    @property
    def transport(self) -> asyncio.Transport | None:
        return None if self._turn is _Turn.LOST else self._transport

    def native(self, message: Message) -> web.Request:
        return self._lane.native(self.handler(), message)

    def handler(self) -> web.RequestHandler:
        """aiohttp's side of the connection, made when first asked for; one without a connection
        once that is lost."""
        if self._turn is _Turn.LOST:
            handler = self._connections.handler(self._server)
            handler.guard = self
            return handler
        if self._handler is DEAF:
            # its task is to know nothing of the request that is handled now
            self._lane.context.copy().run(super()._open)
        return cast(web.RequestHandler, self._handler)

    def hand_over(self, message: Message, handover: DeferredExchange) -> None:
        self._handover = handover
        if self._transport.is_closing():
            handover.lose()
            return
        self._turn = _Turn.AIOHTTP
        self._is_whole = True
        self._give(message.raw)

    def claim(self) -> DeferredExchange | None:
        return self._handover

    def answers(self, out: web.StreamResponse) -> None:
        self._answer = out

    def end(self, task: "asyncio.Task[Any]") -> None:
        answer, self._answer = self._answer, None
        is_read = self._body is EMPTY_PAYLOAD or self._body.is_eof()
        super().end(task)
        if self._turn is not _Turn.AIOHTTP:
            return
        is_idle = self._is_whole and is_read and answer is not None and bool(answer.keep_alive)
        self._turn = _NOBODY if is_idle else _Turn.AIOHTTP_FOR_EVER
        self._go_on()

    # --- the end of the server

    def stop(self) -> None:
        self._held.clear()
        if self._turn is _NOBODY:
            self._close()


if sys.version_info >= (3, 12):
    _task = partial(asyncio.Task, eager_start=True)
else:
    _task = asyncio.Task
