"""One Engine.IO session (protocol v4): reads its packets, upgrades its transport, and closes it.

python-engineio's own socket needs a task and a timer for every message, has an unlimited queue,
and notices many disconnects only by the ping timeout. A `Session` has a single timer for its
heartbeat, and always ends through `close`. Its `PacketSender` sends packets.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, Protocol

from engineio import packet as engineio_packet

from rxkernel.messages.connection import ClientAddress
from rxkernel.messages.connection_recovery import ConnectionRecovery, LogPosition
from rxkernel.servers.aiohttp.native_types import AiohttpRequest
from rxkernel.servers.aiohttp.websocket_stream import (
    WebSocketMessage,
    WebSocketProtocolError,
    WebSocketStream,
)
from rxkernel.servers.disconnect_reason import DisconnectReason
from rxkernel.servers.socketio.backpressure import Backpressure, Pending
from rxkernel.servers.socketio.connect_deadline import ConnectDeadline
from rxkernel.servers.socketio.connection import SocketioConnection
from rxkernel.servers.socketio.encoded_packet import EncodedPacket
from rxkernel.servers.socketio.engineio_packets import (
    CLOSE,
    MESSAGE,
    NOOP,
    PING,
    PONG,
    PROBE,
    UPGRADE,
)
from rxkernel.servers.socketio.flush_scheduler import FlushScheduler
from rxkernel.servers.socketio.heartbeat import Heartbeat
from rxkernel.servers.socketio.packet import Packet
from rxkernel.servers.socketio.packet_decoder import PacketDecoder
from rxkernel.servers.socketio.packet_sender import PacketSender
from rxkernel.servers.socketio.polling import Polling
from rxkernel.servers.socketio.protocol_error import ProtocolError
from rxkernel.servers.socketio.send_queue import SendQueue
from rxkernel.servers.socketio.session_limits import SessionLimits
from rxkernel.servers.socketio.token_bucket import TokenBucket
from rxkernel.settings import SocketioSettings

GOING_AWAY, POLICY, RESTARTING = 1001, 1008, 1012
"""Close codes of websockets, if the session has ended, the session is unknown, or the server stops
(RFC 6455 section 7.4.1, and IANA's registry of close codes)."""

_TOO_BIG = 1009
"""The close code of a websocket after a message that is too large."""

_UPGRADE_TIMEOUT = 10.0
"""Seconds for all steps of an upgrade."""


class SessionHooks(Protocol):
    """The part of the `Engine` that sessions use."""

    limits: SessionLimits
    flush_scheduler: FlushScheduler
    recovery: ConnectionRecovery | None

    async def opened(self, session: "Session") -> None:
        """Serve *session* from now on."""

    def received(self, session: "Session", packet: Packet) -> Pending:
        """Handle a packet of the client."""

    async def closed(self, session: "Session", reason: DisconnectReason) -> None:
        """Remove *session*, and end its connections."""

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Start a task that the server waits for when it stops."""


class Session:
    """A client, connected by long polling or by a websocket.

    It is closed unless it connects to a namespace within ``connect_timeout`` seconds.

    Attributes:
        sid: the id of the session.
        client: the address from which it was opened.
        request: the HTTP request of its current transport.
        connections: by namespace, including those that are not accepted yet.
        disconnected: namespaces from which the server has disconnected the client. Events for
            them are ignored: the client may have sent them before it has read the DISCONNECT.
        sender: sends packets to the client.
        backpressure: blocks the reader while an event queue of the client is full.
        reason: why the session was closed; None while it is open.
        received_until: the position up to which the client has certainly received all recorded
            events that were for it; None if it is unknown.
        closed, session, environ: attributes that python-socketio reads.
    """

    __slots__ = (
        "_closing",
        "_decoder",
        "_hooks",
        "_loop",
        "_pinged_at",
        "_probe",
        "_rate",
        "_slowed_since",
        "backpressure",
        "client",
        "closed",
        "connect_deadline",
        "connections",
        "disconnected",
        "environ",
        "heartbeat",
        "polling",
        "reason",
        "received_until",
        "request",
        "sender",
        "session",
        "sid",
    )

    def __init__(
        self, sid: str, hooks: SessionHooks, request: AiohttpRequest, client: ClientAddress | None
    ) -> None:
        self.sid = sid
        self.client = client
        self.session: dict[Any, Any] = {}
        self.environ: dict[str, Any] = {}
        self.use_request(request)
        self.closed = False
        self.reason: DisconnectReason | None = None
        self.received_until: LogPosition = None
        self._pinged_at: LogPosition = None
        self.connections: dict[str, SocketioConnection] = {}
        self.disconnected: frozenset[str] = frozenset()
        self.backpressure = Backpressure()
        send_queue = SendQueue(hooks.limits, sid)
        polling = Polling(send_queue, self._receive_posted)
        self.polling: Polling | None = polling
        self.sender = PacketSender(
            send_queue,
            hooks.flush_scheduler,
            release_poll=polling.release,
            fail=self.fail,
            spawn=hooks.spawn,
        )
        self._hooks = hooks
        self._decoder = PacketDecoder(hooks.limits.settings)
        self._rate = TokenBucket(hooks.limits.settings.max_rate)
        self._probe: WebSocketStream | None = None
        self._closing: asyncio.Task[None] | None = None
        self._slowed_since: float | None = None
        self._loop = asyncio.get_running_loop()
        self.heartbeat = Heartbeat(self.settings, self)
        self.connect_deadline = ConnectDeadline(
            self.settings.connect_timeout, self._connect_timed_out
        )
        self.connect_deadline.start()

    def note_disconnected(self, namespace: str) -> None:
        """Add *namespace* to `disconnected`, whose size is limited."""
        if len(self.disconnected) < self.settings.max_namespaces:
            self.disconnected |= {namespace}

    def forget_received(self) -> None:
        """Set `received_until` to unknown."""
        self.received_until = self._pinged_at = None

    @property
    def settings(self) -> SocketioSettings:
        return self._hooks.limits.settings

    @property
    def is_websocket(self) -> bool:
        return self.sender.websocket is not None

    upgraded = is_websocket
    """The name that python-socketio uses."""

    def use_request(self, request: AiohttpRequest) -> None:
        """Set the request of the current transport, so that an earlier request can be freed."""
        self.request = request
        self.environ["aiohttp.request"] = request

    def _connect_timed_out(self) -> None:
        expired = ProtocolError("connected to no namespace", "socketio.connect_timeout")
        self._hooks.spawn(self.fail(expired))

    async def send(self, packet: engineio_packet.Packet) -> None:
        """Send a packet of python-socketio."""
        encoded = packet.encode()
        if isinstance(encoded, str):
            self.sender.put(EncodedPacket(encoded.encode()))
        else:
            self.sender.put(EncodedPacket(None, (encoded,)))

    # --- heartbeat

    def ping(self) -> None:
        if self._hooks.recovery is not None:
            self._pinged_at = self._hooks.recovery.position
        self.sender.ping()

    def has_ping(self) -> bool:
        return not (self._is_gone or self.sender.is_ping_waiting)

    def expire(self, exc: ProtocolError | None) -> None:
        if exc is not None:
            self._hooks.spawn(self.fail(exc))
        elif self._is_gone:  # not noticed yet, because reading was paused
            self._hooks.spawn(self.close(DisconnectReason.TRANSPORT_CLOSE))
        else:
            self._hooks.spawn(self.close(DisconnectReason.PING_TIMEOUT, CLOSE))

    @property
    def _is_gone(self) -> bool:
        websocket = self.sender.websocket
        return websocket is not None and websocket.is_disconnected

    # --- receiving

    def receive(self, frame: WebSocketMessage) -> Pending:
        """Handle one Engine.IO packet of the client.

        Raises:
            ProtocolError: *frame* is invalid, or not allowed now. Awaiting the result may also
                raise it.
        """
        if (seconds := self._rate.take(self._loop.time())) > 0:
            return self._receive_later(frame, seconds)
        self._slowed_since = None
        return self._handle(frame)

    async def _receive_later(self, frame: WebSocketMessage, seconds: float) -> None:
        now = self._loop.time()
        if self._slowed_since is None:
            self._slowed_since = now
            self._hooks.limits.record("socketio.max_rate", f"slowed down {self.sid}")
        elif now - self._slowed_since > self.settings.stall_timeout:
            raise ProtocolError("the client keeps exceeding the rate", "socketio.max_rate")
        await asyncio.sleep(seconds)
        if not self.closed and (pending := self._handle(frame)) is not None:
            await pending

    def _handle(self, frame: WebSocketMessage) -> Pending:
        if isinstance(frame, bytes) or frame.startswith(MESSAGE):
            packet = self._decoder.add(frame)
            return None if packet is None else self._hooks.received(self, packet)
        if frame == PONG:
            if self._pinged_at is not None:
                self.received_until, self._pinged_at = self._pinged_at, None
            self.heartbeat.pong()
            return None
        if frame == CLOSE:
            return self.close(DisconnectReason.CLIENT, NOOP)
        raise ProtocolError(f"invalid packet {frame[:20]!r}")

    async def _receive_posted(self, frame: WebSocketMessage) -> None:
        if (pending := self.receive(frame)) is not None:
            await self.heartbeat.hold(pending)

    async def serve(self, websocket: WebSocketStream) -> None:
        """Read *websocket* until it ends, then close the session."""
        self.polling = None
        self.sender.use_websocket(websocket)
        try:
            while (frame := websocket.decode(await websocket.receive_raw())) is not None:
                if self.closed:
                    break
                if (pending := self.receive(frame)) is not None:
                    await self.heartbeat.hold(pending)
        except ProtocolError as exc:
            await self.fail(exc)
        except WebSocketProtocolError as exc:
            too_big = ProtocolError("the message is too large", "socketio.max_payload")
            await self.fail(too_big if exc.code == _TOO_BIG else ProtocolError(str(exc)))
        finally:
            await self.close(DisconnectReason.TRANSPORT_CLOSE)
            if self._closing is not None:
                await asyncio.wait({self._closing})

    async def upgrade(self, websocket: WebSocketStream) -> bool:
        """Probe *websocket*; return whether it may replace long polling.

        The client must send a probe, then UPGRADE.
        """
        if self._probe is not None:  # another upgrade is running
            return False
        self._probe = websocket
        try:
            async with asyncio.timeout(_UPGRADE_TIMEOUT):
                if await websocket.receive() != PING + PROBE:
                    return False
                await websocket.send(PONG + PROBE)
                if self.polling is not None:
                    self.polling.is_paused = True
                    self.polling.release()
                return await websocket.receive() == UPGRADE and not self.closed
        except (TimeoutError, WebSocketProtocolError):
            return False
        finally:
            self._probe = None
            if self.polling is not None:
                self.polling.is_paused = False

    # --- the end

    async def fail(self, exc: ProtocolError) -> None:
        """Close the session because of *exc*, which is counted and logged."""
        if not self.closed:
            self._hooks.limits.record_closed(self.sid, self.client, exc)
            await self.close(exc.reason, CLOSE, POLICY)

    async def close(
        self, reason: DisconnectReason, last: str | None = None, code: int = GOING_AWAY
    ) -> None:
        """Close the transport, then end the connections; does nothing if it is closed.

        Args:
            last: the last packet in the response to a waiting poll, after the queued ones.
            code: the close code of a websocket.
        """
        if self.closed:
            return
        self.closed, self.reason = True, reason
        self.sender.close()
        self.heartbeat.stop()
        if self.polling is not None:
            self.polling.end(last)
        elif self.sender.websocket is not None:
            self._closing = self._hooks.spawn(self._close_websocket(self.sender.websocket, code))
        if self._probe is not None:
            self._hooks.spawn(self._probe.close(code))
        await self._hooks.closed(self, reason)
        self.connect_deadline.stop()

    async def _close_websocket(self, websocket: WebSocketStream, code: int) -> None:
        try:
            async with asyncio.timeout(self._hooks.limits.flush_timeout):
                await self.sender.drain()
        except TimeoutError:
            websocket.abort()
        else:
            await websocket.close(code)
