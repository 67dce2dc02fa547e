"""One Engine.IO session (protocol v4): what waits to be sent, its heartbeat, its end.

python-engineio's own socket needs a task and a timer for every message, keeps an endless
queue, and notices many ends by the ping timeout only. This one has one timer for its
heartbeat, and every way out leads through `close`.
"""

import asyncio
import base64
import binascii
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import attrs
from engineio import packet

from rxkernel.servers.aiohttp.websocket import Frame, WebSocket

logger = logging.getLogger(__name__)

CLOSE, PING, PONG, MESSAGE, UPGRADE, NOOP = "1", "2", "3", "4", "5", "6"
PROBE = "probe"
SEPARATOR = "\x1e"

_AT_ONCE = 16
"""Packets in one answer to a poll: python-engineio's client takes no more."""

_UPGRADING = 10.0
"""Seconds for each step of an upgrade."""

_FLUSHING = 1.0
"""Seconds in which a closing websocket takes what was sent to it before."""


class ProtocolError(ValueError):
    """The client broke the protocol: its session is closed."""


@attrs.frozen(eq=False, kw_only=True)
class Owner:
    """What a session tells, and what it needs."""

    ping_interval: float
    ping_timeout: float
    message: Callable[[str, Frame], Awaitable[None]]
    closed: Callable[[str, str], Awaitable[None]]
    spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]


class Session:
    """A client, by long polling or websocket; ``sid`` names it.

    ``session`` is the dictionary that python-socketio offers as the user's session.
    """

    def __init__(self, sid: str, owner: Owner) -> None:
        self.sid = sid
        self.session: dict[Any, Any] = {}
        self.closed = False
        self._owner = owner
        self._outbound: deque[Frame] = deque()
        self._websocket: WebSocket | None = None
        self._closing: asyncio.Task[None] | None = None
        self._probe: WebSocket | None = None
        self._flushing = False
        self._upgrading = False
        self._poll: asyncio.Future[None] | None = None
        self._posting = asyncio.Lock()
        self._loop = asyncio.get_running_loop()
        self._pinged = False
        self._handling = False
        self._timer = self._loop.call_later(owner.ping_interval, self._ping)

    @property
    def is_websocket(self) -> bool:
        return self._websocket is not None

    # --- sending

    async def send(self, pkt: packet.Packet) -> None:
        """What python-socketio calls; only ever messages."""
        self.put(pkt.encode())

    def put(self, frame: Frame) -> None:
        """Send *frame* as soon as the transport takes it."""
        if self.closed:
            return
        self._outbound.append(frame)
        self._release_poll()
        if self._websocket is not None:
            self._flush_soon()

    def _release_poll(self) -> None:
        """Answer the poll that waits, if one does."""
        if self._poll is not None and not self._poll.done():
            self._poll.set_result(None)

    def _flush_soon(self) -> None:
        if not self._flushing:
            self._flushing = True
            self._owner.spawn(self._flush())

    async def _flush(self) -> None:
        """Write to the websocket until nothing waits; one task per burst."""
        try:
            while self._outbound and self._websocket is not None:
                await self._websocket.send(self._outbound.popleft())
        except ConnectionError:
            self._outbound.clear()  # its reader ends too, and closes the session
        finally:
            self._flushing = False

    # --- heartbeat

    def _ping(self) -> None:
        self._pinged = True
        self.put(PING)
        self._timer = self._loop.call_later(self._owner.ping_timeout, self._expire)

    def _expire(self) -> None:
        is_gone = self._websocket is not None and self._websocket.is_gone
        if self._handling and not is_gone and PING not in self._outbound:
            self._ping()  # the last one left, and its PONG may wait behind what is being handled
            return
        self._owner.spawn(self.close("ping timeout", CLOSE))

    def _pong(self) -> None:
        if self._pinged:  # one that nobody asked for changes nothing
            self._pinged = False
            self._timer.cancel()
            self._timer = self._loop.call_later(self._owner.ping_interval, self._ping)

    # --- receiving

    async def receive(self, frame: Frame) -> None:
        """One packet of the client.

        Raises:
            ProtocolError: it is none that a client may send now.
        """
        if isinstance(frame, bytes):
            await self._handle(frame)
        elif frame.startswith(MESSAGE):
            await self._handle(frame[1:])
        elif frame == PONG:
            self._pong()
        elif frame == CLOSE:
            await self.close("client disconnect", NOOP)
        else:
            raise ProtocolError(f"packet {frame[:20]!r}")

    async def _handle(self, message: Frame) -> None:
        """Hand *message* on; nothing more is read until it was taken."""
        self._handling = True
        try:
            await self._owner.message(self.sid, message)
        finally:
            self._handling = False

    async def post(self, body: str) -> None:
        """The packets of one polling request, in order; the next request waits.

        Raises:
            ProtocolError: one of them is none; those before have been handled.
        """
        async with self._posting:
            for frame in body.split(SEPARATOR):
                if self.closed:
                    return
                await self.receive(_from_text(frame))

    async def poll(self) -> str:
        """What is to be sent, as soon as there is something.

        Raises:
            ProtocolError: another poll is waiting already.
        """
        if self._poll is not None:
            raise ProtocolError("two polls at a time")
        if self._upgrading:
            return NOOP
        if not self._outbound:
            self._poll = self._loop.create_future()
            try:
                await self._poll
            finally:
                self._poll = None
        many = len(self._outbound) if self.closed else min(_AT_ONCE, len(self._outbound))
        frames = [_to_text(self._outbound.popleft()) for _ in range(many)]
        return SEPARATOR.join(frames or [NOOP])

    async def serve(self, websocket: WebSocket) -> None:
        """Read *websocket* until it ends, and the session with it."""
        self._websocket = websocket
        reason = "transport close"
        try:
            self._flush_soon()
            while (frame := await websocket.receive()) is not None and not self.closed:
                await self.receive(frame)
        except ProtocolError as exc:
            reason = "parse error"
            logger.warning("closed %s: %s", self.sid, exc)
        finally:
            await self.close(reason)
            if self._closing is not None:
                await asyncio.wait({self._closing})

    async def upgrade(self, websocket: WebSocket) -> None:
        """Move from polling to *websocket*: probe, answer, upgrade; else polling goes on."""
        if self._probe is not None:  # another websocket is about to
            return
        self._probe = websocket
        try:
            async with asyncio.timeout(_UPGRADING):
                if await websocket.receive() != PING + PROBE:
                    return
                await websocket.send(PONG + PROBE)
                self._upgrading = True
                self._release_poll()
                if await websocket.receive() != UPGRADE:
                    return
        except TimeoutError:
            return
        finally:
            self._probe = None
            self._upgrading = False
        if not self.closed:
            await self.serve(websocket)

    # --- the end

    async def close(self, reason: str, last: str | None = None) -> None:
        """End it, once: the transport at once, then everything that belonged to it.

        *last* is what a waiting poll is answered behind what was still to be sent.
        """
        if self.closed:
            return
        if last is not None and self._websocket is None:
            self.put(last)
        self.closed = True
        self._timer.cancel()
        self._release_poll()
        if self._websocket is not None:
            self._closing = self._owner.spawn(self._close_websocket(self._websocket))
        elif self._probe is not None:
            self._owner.spawn(self._probe.close())
        await self._owner.closed(self.sid, reason)

    async def _close_websocket(self, websocket: WebSocket) -> None:
        try:
            async with asyncio.timeout(_FLUSHING):
                await self._flush()
        except TimeoutError:
            websocket.abort()
        else:
            await websocket.close()


def _to_text(frame: Frame) -> str:
    """A frame as long polling writes it: base64 behind a ``b`` where it is binary."""
    return frame if isinstance(frame, str) else "b" + base64.b64encode(frame).decode()


def _from_text(frame: str) -> Frame:
    if not frame.startswith("b"):
        return frame
    try:
        return base64.b64decode(frame[1:], validate=True)
    except binascii.Error as exc:
        raise ProtocolError("a binary packet that is no base64") from exc
