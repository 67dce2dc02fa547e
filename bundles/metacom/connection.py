"""The WebSocket connection of a client."""

import asyncio
from typing import Any, Protocol

from bundles.metacom.dialect import Dialect, Id
from bundles.metacom.packet_writer import PacketWriter
from bundles.metacom.packets import Encode, event
from bundles.metacom.streams import IncomingStream, OutgoingStream, StreamLimits, Streams
from rxkernel import (
    ClientAddress,
    DisconnectReason,
    HttpException,
    LimitCounters,
    ManagedConnection,
    NotImplementedException,
    RxKernelError,
    WebSocket,
)

_NORMAL, _POLICY = 1000, 1008


class RoomMembers(Protocol):
    """Stores the rooms of connections."""

    def join(self, connection: "MetacomConnection", room: str) -> None: ...

    def leave(self, connection: "MetacomConnection", room: str) -> None: ...


class Reporter(Protocol):
    """Sends an error that does not belong to a call."""

    def __call__(
        self, connection: "MetacomConnection", id: Id | None, error: HttpException
    ) -> None: ...


class MetacomConnection(ManagedConnection):
    """One client. Packets that are sent before the connection is accepted are sent after the
    handshake.

    It implements `Link` for its streams.

    Attributes:
        websocket: its WebSocket.
        dialect: the dialect of the client, detected by its ids.
        calls: the tasks of the running calls.
        paused: None, or a future: while it is not done, no messages are received.
        has_streams: whether it has, or had, streams.
    """

    # Slots, since the base class has a dict: more than 30 attributes in it would take 1.5 KB.
    __slots__ = (
        "_closing",
        "_counters",
        "_early",
        "_early_size",
        "_encode",
        "_max_buffered",
        "_room_members",
        "_rooms",
        "_writer",
        "calls",
        "dialect",
        "has_streams",
        "websocket",
    )

    def __init__(
        self,
        id: str,
        websocket: WebSocket,
        rooms: RoomMembers,
        encode: Encode,
        *,
        max_buffered: int,
        stream_limits: StreamLimits,
        report: Reporter,
        counters: LimitCounters,
        client: ClientAddress | None,
        **handshake: Any,
    ) -> None:
        super().__init__(id, client=client, **handshake)
        self.loop = asyncio.get_running_loop()
        self.websocket = websocket
        self.dialect = Dialect.A
        self.calls: set[asyncio.Task[None]] = set()
        self.paused: asyncio.Future[None] | None = None
        self.has_streams = False
        self._report = report
        self._stream_limits = stream_limits
        self._streams: Streams | None = None
        self._room_members = rooms
        self._rooms: frozenset[str] = frozenset()
        self._encode = encode
        self._counters = counters
        self._writer = PacketWriter(websocket, max_buffered, self._overflowed)
        self._max_buffered = max_buffered
        self._early: list[bytes] | None = None
        self._early_size = 0
        self._closing: asyncio.Task[None] | None = None

    @property
    def rooms(self) -> frozenset[str]:
        return self._rooms

    @property
    def sending(self) -> "asyncio.Task[None] | None":
        """The task that sends waiting packets, because the client reads slowly."""
        return self._writer.sending

    @property
    def is_congested(self) -> bool:
        """Whether the client reads more slowly than packets are sent to it."""
        return self.is_accepted and self._writer.is_congested

    @property
    def is_closing(self) -> bool:
        """Whether the connection has ended, or is being closed by the server."""
        return self.is_ended or self._closing is not None

    @property
    def reason(self) -> DisconnectReason:
        """The reason why the connection has ended."""
        return self.websocket.reason or DisconnectReason.TRANSPORT_CLOSE

    def use_dialect_b(self) -> None:
        """Change to dialect B, unless streams of dialect A are open."""
        if self._streams is None or not self._streams.are_open:
            self.dialect = Dialect.B

    def put(self, packet: bytes) -> None:
        """Send *packet*; does nothing once the connection has ended."""
        if self.is_ended:
            return
        if self.is_accepted:
            self._writer.put(packet)
        elif not self.is_rejected:
            self._put_early(packet)

    async def emit(self, event_name: str, *args: Any) -> None:
        """Send an event. Its data is the argument; ``{}`` without *args*; a list of several."""
        self.check_emit(event_name)
        self.put(event(event_name, args, self._encode))

    async def call(self, event_name: str, *args: Any, timeout: float = 60.0) -> Any:
        """Raise an error, since clients of Metacom do not acknowledge events.

        Raises:
            NotImplementedException: always.
        """
        raise NotImplementedException("clients of Metacom do not acknowledge events; use emit()")

    def create_stream(self, name: str, size: int) -> OutgoingStream:
        """Open a stream of *size* bytes to the client. The call must return the id of the stream.

        Raises:
            RxKernelError: the handshake is not completed.
            ValueError: *name* is empty, or *size* is not a number of bytes.
            TooManyRequestsException: the client has too many open streams.
            StreamException: the connection is closed.
        """
        self.check_event_loop("create_stream")
        if not self.is_accepted:
            raise RxKernelError("create_stream() cannot be called before the handshake has ended")
        return self.streams.create(name, size, self.dialect, self._caller)

    def get_stream(self, id: int | str) -> IncomingStream:
        """Return the stream that the client has opened with *id*.

        If it is not read to its end, it is terminated at the end of the call that called this.

        Raises:
            StreamException: the stream is unknown, or has failed.
        """
        self.check_event_loop("get_stream")
        return self.streams.take(id, self._caller)

    async def join(self, room: str) -> None:
        self.check_room("join", room)
        if not self.is_ended and room not in self._rooms:
            self._room_members.join(self, room)
            self._rooms |= {room} - {self.id}

    async def leave(self, room: str) -> None:
        self.check_room("leave", room)
        if not self.is_ended and room in self._rooms:
            self._room_members.leave(self, room)
            self._rooms -= {room}

    async def disconnect(self) -> None:
        await self.close()

    async def close(self, code: int = _NORMAL, reason: str = "") -> None:
        """Close the WebSocket with *code* and *reason*. Before it is accepted, reject it."""
        self.check_event_loop("disconnect")
        if not self.is_accepted:
            self.is_rejected = True
        elif not self.is_ended:
            self._close_streams()
            await self.websocket.close(code, reason)

    def abort(self, reason: DisconnectReason, code: int, text: str) -> None:
        """Start to close the WebSocket, and return at once."""
        if self._closing is None:
            self._close_streams()
            self.websocket.reason = self.websocket.reason or reason
            self._closing = asyncio.create_task(self.websocket.close(code, text))

    def accept(self) -> None:
        """Send the packets that waited for the end of the handshake. Close a connection that was
        rejected during the handshake."""
        self.is_accepted = True
        early, self._early = self._early, None
        for packet in early or ():
            self._writer.put(packet)
        if self.is_rejected:
            self.abort(DisconnectReason.SERVER, _POLICY, "")

    def end(self) -> None:
        """Stop sending. Calls that have begun continue."""
        self.is_ended = True
        self._early = None
        self._close_streams()
        self.notify_disconnected()

    async def flush(self) -> None:
        """Wait until the waiting packets are sent, or the connection has ended."""
        await self._writer.join()

    @property
    def streams(self) -> Streams:
        """Its streams, in both directions."""
        if self._streams is None:
            self._streams = Streams(
                self, self._stream_limits, asyncio.get_running_loop(), self._encode
            )
            self.has_streams = True
            if self.is_closing:
                self._streams.close()
        return self._streams

    @property
    def pipes(self) -> set["asyncio.Task[None]"]:
        """The tasks that send streams."""
        return set() if self._streams is None else self._streams.pipes

    @property
    def _caller(self) -> "asyncio.Task[Any] | None":
        """The task of the current call; None outside of a call."""
        task = asyncio.current_task()
        return task if task in self.calls else None

    async def send_chunk(self, chunk: bytes) -> None:
        """See `Link`."""
        await self._writer.send_chunk(chunk)

    def report(self, id: Id | None, error: HttpException) -> None:
        """See `Link`."""
        self._report(self, id, error)

    def pause_reading(self) -> None:
        """See `Link`."""
        self.paused = asyncio.get_running_loop().create_future()

    def resume_reading(self) -> None:
        """See `Link`."""
        paused, self.paused = self.paused, None
        if paused is not None and not paused.done():
            paused.set_result(None)

    def _close_streams(self) -> None:
        if self._streams is not None:
            self._streams.close()

    def _put_early(self, packet: bytes) -> None:
        self._early_size += len(packet)
        if self._early_size <= self._max_buffered:
            self._early = self._early or []
            self._early.append(packet)
        else:
            self._early = None
            self.is_rejected = True
            self._record("rejected", "too many packets are waiting for its handshake")

    def _overflowed(self) -> None:
        self._record("closed", "it reads too slowly")
        self.abort(DisconnectReason.LIMIT, _POLICY, "too slow")

    def _record(self, done: str, why: str) -> None:
        host = "a client" if self.client is None else self.client.host
        self._counters.record("metacom.max_buffered", f"{done} {host}: {why}")
