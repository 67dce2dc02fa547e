"""One Engine.IO session (protocol v4): its transport, its heartbeat, its end.

python-engineio's own socket needs a task and a timer for every message, keeps an endless
queue, and notices many ends by the ping timeout only. This one has one timer for its
heartbeat, writes at once while the client keeps up, and every way out leads through `close`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import attrs
from engineio import packet

from rxkernel.servers.aiohttp.websocket import Frame, FrameError, WebSocket
from rxkernel.servers.socketio.limits import Limits, ProtocolError, TokenBucket
from rxkernel.servers.socketio.outbox import Outbox, Outgoing
from rxkernel.servers.socketio.polling import Polling
from rxkernel.settings import SocketioSettings

T = TypeVar("T")

CLOSE, PING, PONG, MESSAGE, UPGRADE, NOOP = "1", "2", "3", "4", "5", "6"
PROBE = "probe"

GOING_AWAY, POLICY, RESTARTING = 1001, 1008, 1012
"""Why a websocket is closed: its session ended, it may have none, or the server ends (RFC 6455
section 7.4.1, and IANA's registry of close codes)."""

_TOO_BIG = 1009
"""What a websocket is closed with whose message is too big."""

_PING = Outgoing(PING.encode())

_UPGRADING = 10.0
"""Seconds for each step of an upgrade."""

_FLUSHING = 1.0
"""Seconds in which a closing websocket takes what was sent to it before."""

_LATE = 1.0
"""A timer this late, in seconds, says that the event loop was blocked."""


@attrs.frozen(eq=False, kw_only=True)
class Owner:
    """What a session tells, and what it needs; a *message* may have to be awaited."""

    limits: Limits
    message: Callable[[str, Frame], Awaitable[None] | None]
    closed: Callable[["Session", str], Awaitable[None]]
    spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]


class Session:
    """A client, by long polling or websocket; ``sid`` names it, ``address`` counts it.

    ``session`` is the dictionary that python-socketio offers as the user's session.
    """

    __slots__ = (
        "_closing",
        "_flushing",
        "_held_since",
        "_loop",
        "_owner",
        "_pinged",
        "_probe",
        "_rate",
        "_timer",
        "_timer_due",
        "_websocket",
        "address",
        "closed",
        "outbox",
        "polling",
        "session",
        "sid",
    )

    def __init__(self, sid: str, owner: Owner, address: str | None = None) -> None:
        self.sid = sid
        self.address = address
        self.session: dict[Any, Any] = {}
        self.closed = False
        self.outbox = Outbox(owner.limits)
        self.polling: Polling | None = Polling(self.outbox, self._receive_posted)
        self._owner = owner
        self._rate = TokenBucket(owner.limits.settings.max_rate)
        self._websocket: WebSocket | None = None
        self._probe: WebSocket | None = None
        self._closing: asyncio.Task[None] | None = None
        self._flushing = False
        self._held_since: float | None = None
        self._pinged = False
        self._loop = asyncio.get_running_loop()
        self._wait(self.settings.ping_interval, self._ping)

    @property
    def settings(self) -> SocketioSettings:
        return self._owner.limits.settings

    @property
    def is_websocket(self) -> bool:
        return self._websocket is not None

    # --- sending

    async def send(self, pkt: packet.Packet) -> None:
        """What python-socketio calls; only ever messages."""
        encoded = pkt.encode()
        if isinstance(encoded, str):
            self.put(Outgoing(encoded.encode()))
        else:
            self.put(Outgoing(None, (encoded,)))

    def put(self, message: Outgoing) -> None:
        """Send *message*: at once while the client keeps up, else as soon as it takes it."""
        if self.closed:
            return
        websocket = self._websocket
        if websocket is not None and not self._flushing and not websocket.is_congested:
            websocket.write(message.wire)
            return
        try:
            self.outbox.put(message)
        except ProtocolError as exc:
            self.outbox.clear()
            self._owner.spawn(self.fail(exc))
            return
        if self.polling is not None:
            self.polling.release()
        self._flush_soon()

    def _flush_soon(self) -> None:
        if self._websocket is not None and not self._flushing:
            self._flushing = True
            self._owner.spawn(self._flush())

    async def _flush(self) -> None:
        """Write what waits to the websocket, as fast as the client reads."""
        try:
            while self.outbox and self._websocket is not None:
                await self._websocket.send(self.outbox.take())
        except ConnectionError:
            self.outbox.clear()  # its reader ends too, and closes the session
        finally:
            self._flushing = False

    # --- heartbeat

    def _wait(self, seconds: float, then: Callable[[], None]) -> None:
        self._timer_due = self._loop.time() + seconds
        self._timer = self._loop.call_at(self._timer_due, then)

    def _ping(self) -> None:
        self._pinged = True
        self.put(_PING)
        self._wait(self.settings.ping_timeout, self._expire)

    def _expire(self) -> None:
        if self._loop.time() - self._timer_due > _LATE:
            self._wait(_LATE, self._expire)  # what came while the loop was blocked is unread
        elif self._may_be_unread():
            self._ping()
        elif self._held_since is not None:
            stalled = ProtocolError("its events wait too long", "socketio.stall_timeout")
            self._owner.spawn(self.fail(stalled))
        else:
            self._owner.spawn(self.close("ping timeout", CLOSE))

    def _may_be_unread(self) -> bool:
        """Whether the PONG may have come, behind a message that is being handled."""
        if self._held_since is None or _PING in self.outbox:
            return False
        if self._websocket is not None and self._websocket.is_gone:
            return False
        return self._loop.time() - self._held_since < self.settings.stall_timeout

    def _pong(self) -> None:
        if self._pinged:  # one that nobody asked for changes nothing
            self._pinged = False
            self._timer.cancel()
            self._wait(self.settings.ping_interval, self._ping)

    # --- receiving

    def receive(self, frame: Frame) -> Awaitable[None] | None:
        """Take one packet of the client: at once, or by what is to be awaited before the next.

        Raises:
            ProtocolError: it is none that a client may send now; awaiting raises it, too.
        """
        if (seconds := self._rate.take(self._loop.time())) > 0:
            return self._receive_later(frame, seconds)
        return self._take(frame)

    async def _receive_later(self, frame: Frame, seconds: float) -> None:
        self._owner.limits.crossed("socketio.max_rate", f"{self.sid} is slowed down")
        await asyncio.sleep(seconds)
        if (waiting := self._take(frame)) is not None:
            await waiting

    def _take(self, frame: Frame) -> Awaitable[None] | None:
        if isinstance(frame, bytes):
            return self._owner.message(self.sid, frame)
        if frame.startswith(MESSAGE):
            return self._owner.message(self.sid, frame[1:])
        if frame == PONG:
            self._pong()
            return None
        if frame == CLOSE:
            return self.close("client disconnect", NOOP)
        raise ProtocolError(f"packet {frame[:20]!r}")

    async def _receive_posted(self, frame: Frame) -> None:
        if (waiting := self.receive(frame)) is not None:
            await self.hold(waiting)

    async def hold(self, waiting: Awaitable[T]) -> T:
        """Await what keeps the client from being read: its PONG may have come, unread."""
        self._held_since = self._loop.time()
        try:
            return await waiting
        finally:
            self._held_since = None

    async def serve(self, websocket: WebSocket) -> None:
        """Read *websocket* until it ends, and the session with it."""
        self._websocket, self.polling = websocket, None
        if self.outbox:
            self._flush_soon()
        try:
            while (frame := await websocket.receive()) is not None and not self.closed:
                if (waiting := self.receive(frame)) is not None:
                    await self.hold(waiting)
        except ProtocolError as exc:
            await self.fail(exc)
        except FrameError as exc:
            too_big = "socketio.max_payload" if exc.code == _TOO_BIG else "protocol error"
            await self.fail(ProtocolError(str(exc), too_big))
        finally:
            await self.close("transport close")
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
                if self.polling is not None:
                    self.polling.is_paused = True
                    self.polling.release()
                if await websocket.receive() != UPGRADE:
                    return
        except (TimeoutError, FrameError):
            return
        finally:
            self._probe = None
            if self.polling is not None:
                self.polling.is_paused = False
        if not self.closed:
            await self.serve(websocket)

    # --- the end

    async def fail(self, exc: ProtocolError) -> None:
        """Close it because of what the client did, with one line in the log."""
        if not self.closed:
            self._owner.limits.closed(self.sid, exc)
            await self.close("parse error", CLOSE)

    async def close(self, reason: str, last: str | None = None, code: int = GOING_AWAY) -> None:
        """End it, once: the transport at once, then everything that belonged to it.

        *last* is what a waiting poll is answered behind what was still to be sent, *code*
        the status of a websocket's end.
        """
        if self.closed:
            return
        self.closed = True
        self._timer.cancel()
        if self.polling is not None:
            self.polling.end(last)
        elif self._websocket is not None:
            self._closing = self._owner.spawn(self._close_websocket(self._websocket, code))
        if self._probe is not None:
            self._owner.spawn(self._probe.close(code))
        await self._owner.closed(self, reason)

    async def _close_websocket(self, websocket: WebSocket, code: int) -> None:
        try:
            async with asyncio.timeout(_FLUSHING):
                await self._flush()
        except TimeoutError:
            websocket.abort()
        else:
            await websocket.close(code)
