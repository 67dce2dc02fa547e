"""A client that is connected by a WebSocket."""

import asyncio
from typing import Any, Protocol

from bundles.metacom.dialect import Dialect
from bundles.metacom.packet_writer import PacketWriter
from bundles.metacom.packets import Encode, event
from rxkernel import (
    ClientAddress,
    DisconnectReason,
    LimitCounters,
    ManagedConnection,
    NotImplementedException,
    WebSocket,
)

_NORMAL, _POLICY = 1000, 1008


class RoomBook(Protocol):
    """Where the rooms of connections are."""

    def join(self, connection: "MetacomConnection", room: str) -> None: ...

    def leave(self, connection: "MetacomConnection", room: str) -> None: ...


class MetacomConnection(ManagedConnection):
    """Packets that are sent before the connection is accepted follow the handshake.

    Attributes:
        websocket: its WebSocket.
        dialect: that of the client, from its ids.
        calls: the tasks of the calls that run.
    """

    # Beside the attributes of the base class: more than 30 in one dict would take 1.5 KB.
    __slots__ = (
        "_book",
        "_closing",
        "_counters",
        "_early",
        "_encode",
        "_rooms",
        "_writer",
        "calls",
        "dialect",
        "websocket",
    )

    def __init__(
        self,
        id: str,
        websocket: WebSocket,
        rooms: RoomBook,
        encode: Encode,
        *,
        max_buffered: int,
        counters: LimitCounters,
        client: ClientAddress | None,
        **handshake: Any,
    ) -> None:
        super().__init__(id, client=client, **handshake)
        self.loop = asyncio.get_running_loop()
        self.websocket = websocket
        self.dialect = Dialect.A
        self.calls: set[asyncio.Task[None]] = set()
        self._book = rooms
        self._rooms: frozenset[str] = frozenset()
        self._encode = encode
        self._counters = counters
        self._writer = PacketWriter(websocket, max_buffered, self._overflowed)
        self._early: list[bytes] | None = None
        self._closing: asyncio.Task[None] | None = None

    @property
    def rooms(self) -> frozenset[str]:
        return self._rooms

    @property
    def sending(self) -> "asyncio.Task[None] | None":
        """The task that sends packets that wait, because the client reads slowly."""
        return self._writer.sending

    @property
    def is_congested(self) -> bool:
        """Whether the client reads more slowly than packets are sent to it."""
        return self.is_accepted and self._writer.is_congested

    @property
    def reason(self) -> DisconnectReason:
        """Why the connection has ended."""
        return self.websocket.reason or DisconnectReason.TRANSPORT_CLOSE

    def put(self, packet: bytes) -> None:
        """Send *packet*; does nothing once the connection has ended."""
        if self.is_ended:
            return
        if self.is_accepted:
            self._writer.put(packet)
        elif self._early is None:
            self._early = [packet]
        else:
            self._early.append(packet)

    async def emit(self, event_name: str, *args: Any) -> None:
        """Send an event. It has one value: without *args* ``{}``, of several a list."""
        self.check_emit(event_name)
        self.put(event(event_name, args, self._encode))

    async def call(self, event_name: str, *args: Any, timeout: float = 60.0) -> Any:
        """Raise an error: clients do not acknowledge events of Metacom.

        Raises:
            NotImplementedException: always.
        """
        raise NotImplementedException("clients of Metacom do not acknowledge events; use emit()")

    async def join(self, room: str) -> None:
        self.check_room("join", room)
        if not self.is_ended and room not in self._rooms:
            self._book.join(self, room)
            self._rooms |= {room} - {self.id}

    async def leave(self, room: str) -> None:
        self.check_room("leave", room)
        if not self.is_ended and room in self._rooms:
            self._book.leave(self, room)
            self._rooms -= {room}

    async def disconnect(self) -> None:
        await self.close()

    async def close(self, code: int = _NORMAL, reason: str = "") -> None:
        """Close the WebSocket with *code* and *reason*; reject it before it is accepted."""
        self.check_event_loop("disconnect")
        if not self.is_accepted:
            self.is_rejected = True
        elif not self.is_ended:
            await self.websocket.close(code, reason)

    def abort(self, reason: DisconnectReason, code: int, text: str) -> None:
        """Start to close the WebSocket, without waiting."""
        if self._closing is None:
            self.websocket.reason = self.websocket.reason or reason
            self._closing = asyncio.create_task(self.websocket.close(code, text))

    def accept(self) -> None:
        """The handshake is completed: send the packets that wait for it."""
        self.is_accepted = True
        early, self._early = self._early, None
        for packet in early or ():
            self._writer.put(packet)

    def end(self) -> None:
        """Send nothing more. Calls that have begun still run."""
        self.is_ended = True
        self.notify_disconnected()

    async def flush(self) -> None:
        """Wait until the client has received all packets, or has left."""
        await self._writer.join()

    def _overflowed(self) -> None:
        host = "a client" if self.client is None else self.client.host
        self._counters.record("metacom.max_buffered", f"closed {host}: it reads too slowly")
        self.abort(DisconnectReason.LIMIT, _POLICY, "too slow")
