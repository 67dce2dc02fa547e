"""A Socket.IO client in one namespace."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from rxkernel.kernel.serialization import Serializer
from rxkernel.messages.connection_recovery import LogPosition
from rxkernel.servers.managed_connection import ManagedConnection
from rxkernel.servers.socketio.backpressure import Backpressure
from rxkernel.servers.socketio.encoded_packet import EncodedPacket
from rxkernel.servers.socketio.encoding import encode_event
from rxkernel.servers.socketio.event_queue import EventQueue
from rxkernel.servers.socketio.packet_sender import PacketSender
from rxkernel.servers.socketio.recovering import Recovering
from rxkernel.settings import SocketioSettings


class EngineOfConnection(Protocol):
    """The part of the `Engine` that connections use."""

    content_serializer: Serializer

    def rooms(self, sid: str, namespace: str) -> list[str]: ...

    async def enter_room(self, sid: str, room: str, namespace: str) -> None: ...

    async def leave_room(self, sid: str, room: str, namespace: str) -> None: ...

    async def disconnect(self, sid: str, namespace: str) -> None: ...

    def emit_to(
        self, connection: "SocketioConnection", event: str, args: tuple[Any, ...]
    ) -> None: ...


class SessionOfConnection(Protocol):
    """The part of a `Session` that its connections use; a session holds its connections."""

    sid: str
    sender: PacketSender
    backpressure: Backpressure

    @property
    def settings(self) -> SocketioSettings: ...


class SocketioConnection(ManagedConnection):
    """Packets sent before the connection is accepted follow the CONNECT packet.

    Attributes:
        session: the Engine.IO session, which other namespaces of the client share.
        event_queue: the events of the client that wait or run.
        request_id: the request id that the client sent with the handshake.
        recovering: the data to recover it later; None if clients cannot recover.
        is_not_recovered: whether its state was found but could not be restored.
    """

    def __init__(
        self,
        engine: EngineOfConnection,
        session: SessionOfConnection,
        id: str,
        namespace: str,
        *,
        request_id: str | None = None,
        **handshake: Any,
    ) -> None:
        super().__init__(id, namespace, **handshake)
        settings = session.settings
        self.loop = asyncio.get_running_loop()
        self.session = session
        self._sender = session.sender
        self.request_id = request_id
        self.event_queue = EventQueue(
            settings.concurrency, settings.max_waiting, session.backpressure
        )
        self.recovering: Recovering | None = None
        self.is_not_recovered = False
        self._engine = engine
        self._early: list[EncodedPacket] = []
        self._last_ack_id = 0
        self._calls: dict[int, asyncio.Future[list[Any]]] = {}
        self._rooms_at_end: frozenset[str] = frozenset()

    @property
    def rooms(self) -> frozenset[str]:
        if self.is_ended:
            return self._rooms_at_end
        return frozenset(self._engine.rooms(self.id, self.namespace)) - {self.id}

    def put(self, packet: EncodedPacket) -> None:
        """Send *packet*; does nothing once the connection has ended.

        The client may have connected again on the same session, where acknowledgement ids start
        at 1 again.
        """
        if not self.is_accepted:
            self._early.append(packet)
        elif not self.is_ended:
            self._sender.put(packet)

    def acknowledge(self, packet: EncodedPacket) -> None:
        """Send an acknowledgement at once; while other events run, in one write with theirs."""
        if self.event_queue.running > 1:
            self.put(packet)
        elif not self.is_ended:
            self._sender.put_now(packet)

    def put_volatile(self, packet: EncodedPacket) -> None:
        """Send *packet* like `put`, unless earlier packets still wait for the client."""
        if not self.is_accepted:
            self._early.append(packet)
        elif not self.is_ended:
            self._sender.put_volatile(packet)

    async def emit(self, event: str, *args: Any) -> None:
        self.check_event_loop("emit")
        self._engine.emit_to(self, event, args)

    def next_ack_id(self) -> int:
        """Return the acknowledgement id for the next event that needs one."""
        self._last_ack_id += 1
        return self._last_ack_id

    async def call(self, event: str, *args: Any, timeout: float = 60.0) -> Any:
        self.check_call(event)
        id = self.next_ack_id()
        serializer = self._engine.content_serializer
        packet = encode_event(self.namespace, event, args, id, serializer)
        acknowledged = self._calls[id] = asyncio.get_running_loop().create_future()
        try:
            self.put(packet)
            with self.session.backpressure.expecting():
                async with asyncio.timeout(timeout):
                    values = await acknowledged
        finally:
            self._calls.pop(id, None)
        return values[0] if len(values) == 1 else tuple(values) or None

    def acknowledged(self, id: int, values: list[Any]) -> bool:
        """Pass *values* to the `call` with *id*; False if no call waits for it."""
        waiting = self._calls.get(id)
        if waiting is None or waiting.done():
            return False
        waiting.set_result(values)
        return True

    async def join(self, room: str) -> None:
        self.check_room("join", room)
        if not self.is_ended:
            await self._engine.enter_room(self.id, room, namespace=self.namespace)

    async def leave(self, room: str) -> None:
        self.check_room("leave", room)
        await self._engine.leave_room(self.id, room, namespace=self.namespace)

    async def disconnect(self) -> None:
        self.check_event_loop("disconnect")
        if self.is_accepted:
            await self._engine.disconnect(self.id, namespace=self.namespace)
        else:
            self.is_rejected = True

    @property
    def has_early(self) -> bool:
        """Whether packets wait until it is accepted."""
        return bool(self._early)

    def restore(
        self,
        attributes: Mapping[str, Any],
        missed: list[EncodedPacket],
        covers: Callable[[LogPosition], bool],
    ) -> None:
        """Restore the *attributes* that have not been set since, and send the *missed* events.

        Early packets for which *covers* is true are dropped: *missed* contains them.
        """
        self.attributes.update({**attributes, **self.attributes})
        early = [p for p in self._early if p.position is None or not covers(p.position)]
        self._early = [*missed, *early]
        self.recovered = True

    def accept(self) -> None:
        """Called after the CONNECT packet was sent: send the packets that wait for it."""
        self.is_accepted = True
        early, self._early = self._early, []
        for packet in early:
            self.put(packet)

    def end(self) -> None:
        """Stop sending, and fail waiting calls. Events that were received still run."""
        self._rooms_at_end = self.rooms
        self.is_ended = True
        for waiting in self._calls.values():
            if not waiting.done():
                waiting.set_exception(
                    TimeoutError("the client disconnected before it acknowledged")
                )
        self.notify_disconnected()
