"""One Engine.IO session (protocol v4): its transport, its heartbeat, its end.

python-engineio's own socket needs a task and a timer for every message, keeps an endless
queue, and notices many ends by the ping timeout only. This one has one timer for its
heartbeat, and every way out leads through `close`.

Sending: `put` lets a message wait in the outbox until the end of this turn of the event loop,
when the `Flusher` calls `flush`, which writes all that waits; `put_now` writes a message that
nothing waits before. While the client reads too slowly, `_drain` writes as fast as it reads.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any

import attrs
from engineio import packet

from rxkernel.messages.connection import ClientAddress
from rxkernel.servers.aiohttp.websocket import Frame, FrameError, WebSocket
from rxkernel.servers.disconnect_reason import DisconnectReason
from rxkernel.servers.socketio.flusher import Flusher
from rxkernel.servers.socketio.heartbeat import Heartbeat
from rxkernel.servers.socketio.limits import Limits, ProtocolError, TokenBucket
from rxkernel.servers.socketio.outbox import Outbox, Outgoing
from rxkernel.servers.socketio.polling import NOOP, Polling
from rxkernel.settings import SocketioSettings

CLOSE, PING, PONG, MESSAGE, UPGRADE = "1", "2", "3", "4", "5"
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


@attrs.frozen(eq=False, kw_only=True)
class Owner:
    """What a session tells, and what it needs.

    ``handlers["message"]`` takes ``(sid, frame)``; what it returns, if anything, is awaited.
    """

    limits: Limits
    flusher: Flusher
    handlers: Mapping[str, Callable[[str, Frame], Awaitable[None] | None]]
    closed: Callable[["Session", DisconnectReason], Awaitable[None]]
    spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]


class Session:
    """A client, by long polling or websocket; ``sid`` names it, ``client`` is who opened it.

    ``reason`` is why it was closed, None until then.
    ``session`` and ``environ`` are what python-socketio knows by these names.
    """

    __slots__ = (
        "_closing",
        "_is_draining",
        "_is_flushing",
        "_is_overrun",
        "_loop",
        "_owner",
        "_probe",
        "_rate",
        "_slowed_since",
        "_websocket",
        "client",
        "closed",
        "environ",
        "heartbeat",
        "outbox",
        "polling",
        "reason",
        "session",
        "sid",
    )

    def __init__(self, sid: str, owner: Owner, client: ClientAddress | None = None) -> None:
        self.sid = sid
        self.client = client
        self.session: dict[Any, Any] = {}
        self.environ: dict[str, Any] = {}
        self.closed = False
        self.reason: DisconnectReason | None = None
        self.outbox = Outbox(owner.limits, sid)
        self.polling: Polling | None = Polling(self.outbox, self._receive_posted)
        self._owner = owner
        self._rate = TokenBucket(owner.limits.settings.max_rate)
        self._websocket: WebSocket | None = None
        self._probe: WebSocket | None = None
        self._closing: asyncio.Task[None] | None = None
        self._is_flushing = False
        self._is_draining = False
        self._is_overrun = False
        self._slowed_since: float | None = None
        self._loop = asyncio.get_running_loop()
        self.heartbeat = Heartbeat(self.settings, self)

    @property
    def settings(self) -> SocketioSettings:
        return self._owner.limits.settings

    @property
    def is_websocket(self) -> bool:
        return self._websocket is not None

    upgraded = is_websocket
    """What python-socketio calls it."""

    @property
    def has_unsent(self) -> bool:
        """Whether the client has not taken all yet; a ping does not count."""
        return len(self.outbox) > (_PING in self.outbox)

    # --- sending

    async def send(self, pkt: packet.Packet) -> None:
        """What python-socketio calls; only ever messages."""
        encoded = pkt.encode()
        if isinstance(encoded, str):
            self.put(Outgoing(encoded.encode()))
        else:
            self.put(Outgoing(None, (encoded,)))

    def put_now(self, message: Outgoing) -> None:
        """Send *message* at once, if nothing waits before it."""
        if (
            self._websocket is None
            or self.closed
            or self._is_overrun
            or self._is_draining
            or self.outbox
            or not self._websocket.write(message.wire)
        ):
            self.put(message)

    def put(self, message: Outgoing) -> None:
        """Send *message* with all that is put in this turn of the event loop, in one write."""
        if self.closed or self._is_overrun:
            return
        if self.outbox.crossed_by(message) is None:
            self.outbox.add(message)
        elif not self._put_over(message):
            return
        if self.polling is not None:
            self.polling.release()
        else:
            self._flush_later()

    def _put_over(self, message: Outgoing) -> bool:
        """Put what is too much, after all; False if the client is closed for it."""
        self.flush()  # it may be the turn that is too long, not the client too slow
        try:
            self.outbox.put(message)
        except ProtocolError as exc:
            self._is_overrun = True
            self.outbox.clear()
            self._owner.spawn(self.fail(exc))
            return False
        return True

    def _flush_later(self) -> None:
        if not (self._is_flushing or self._is_draining):
            self._is_flushing = True
            self._owner.flusher.add(self)

    def flush(self) -> None:
        """Write all that waits, or begin to write it as fast as the client reads."""
        self._is_flushing = False
        if self._websocket is None or not self.outbox or self._is_draining:
            return
        if self._websocket.is_congested:
            self._is_draining = True
            self._owner.spawn(self._drain())
        else:
            self._websocket.write(self.outbox.take_all())

    async def _drain(self) -> None:
        try:
            while self.outbox and self._websocket is not None:
                await self._websocket.send(self.outbox.take())
        except ConnectionError:
            self.outbox.clear()  # its reader ends too, and closes the session
        finally:
            self._is_draining = False

    # --- heartbeat

    def ping(self) -> None:
        self.put(_PING)

    def has_ping(self) -> bool:
        return not self._is_gone and _PING not in self.outbox

    def expire(self, exc: ProtocolError | None) -> None:
        if exc is not None:
            self._owner.spawn(self.fail(exc))
        elif self._is_gone:  # unnoticed, while its events kept it from being read
            self._owner.spawn(self.close(DisconnectReason.TRANSPORT_CLOSE))
        else:
            self._owner.spawn(self.close(DisconnectReason.PING_TIMEOUT, CLOSE))

    @property
    def _is_gone(self) -> bool:
        return self._websocket is not None and self._websocket.is_gone

    # --- receiving

    def receive(self, frame: Frame) -> Awaitable[None] | None:
        """Take one packet of the client: at once, or by what is to be awaited before the next.

        Raises:
            ProtocolError: it is none that a client may send now; awaiting raises it, too.
        """
        if (seconds := self._rate.take(self._loop.time())) > 0:
            return self._receive_later(frame, seconds)
        self._slowed_since = None
        return self._take(frame)

    async def _receive_later(self, frame: Frame, seconds: float) -> None:
        now = self._loop.time()
        if self._slowed_since is None:
            self._slowed_since = now
            self._owner.limits.record("socketio.max_rate", f"{self.sid} is slowed down")
        elif now - self._slowed_since > self.settings.stall_timeout:
            raise ProtocolError("it goes on sending too much", "socketio.max_rate")
        await asyncio.sleep(seconds)
        if (waiting := self._take(frame)) is not None:
            await waiting

    def _take(self, frame: Frame) -> Awaitable[None] | None:
        if isinstance(frame, bytes):
            return self._owner.handlers["message"](self.sid, frame)
        if frame.startswith(MESSAGE):
            return self._owner.handlers["message"](self.sid, frame[1:])
        if frame == PONG:
            self.heartbeat.pong()
            return None
        if frame == CLOSE:
            return self.close(DisconnectReason.CLIENT, NOOP)
        raise ProtocolError(f"packet {frame[:20]!r}")

    async def _receive_posted(self, frame: Frame) -> None:
        if (waiting := self.receive(frame)) is not None:
            await self.heartbeat.hold(waiting)

    async def serve(self, websocket: WebSocket) -> None:
        """Read *websocket* until it ends, and the session with it."""
        self._websocket, self.polling = websocket, None
        self._flush_later()
        try:
            while (frame := websocket.unpack(await websocket.next())) is not None:
                if self.closed:
                    break
                if (waiting := self.receive(frame)) is not None:
                    await self.heartbeat.hold(waiting)
        except ProtocolError as exc:
            await self.fail(exc)
        except FrameError as exc:
            too_big = ProtocolError("the message is too large", "socketio.max_payload")
            await self.fail(too_big if exc.code == _TOO_BIG else ProtocolError(str(exc)))
        finally:
            await self.close(DisconnectReason.TRANSPORT_CLOSE)
            if self._closing is not None:
                await asyncio.wait({self._closing})

    async def probed(self, websocket: WebSocket) -> bool:
        """Whether *websocket* takes over: probe, answer, upgrade; else polling goes on."""
        if self._probe is not None:  # another websocket is about to
            return False
        self._probe = websocket
        try:
            async with asyncio.timeout(_UPGRADING):
                if await websocket.receive() != PING + PROBE:
                    return False
                await websocket.send(PONG + PROBE)
                if self.polling is not None:
                    self.polling.is_paused = True
                    self.polling.release()
                return await websocket.receive() == UPGRADE and not self.closed
        except (TimeoutError, FrameError):
            return False
        finally:
            self._probe = None
            if self.polling is not None:
                self.polling.is_paused = False

    # --- the end

    async def fail(self, exc: ProtocolError) -> None:
        """Close it because of what the client did, with one line in the log."""
        if not self.closed:
            self._owner.limits.tell_closed(self.sid, self.client, exc)
            await self.close(exc.reason, CLOSE, POLICY)

    async def close(
        self, reason: DisconnectReason, last: str | None = None, code: int = GOING_AWAY
    ) -> None:
        """End it, once: the transport at once, then everything that belonged to it.

        *last* is what a waiting poll is answered behind what was still to be sent, *code*
        the status of a websocket's end.
        """
        if self.closed:
            return
        self.closed, self.reason = True, reason
        self.heartbeat.stop()
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
                await self._drain()
        except TimeoutError:
            websocket.abort()
        else:
            await websocket.close(code)
