"""python-socketio with its ends in our hands: who connects, what an event does, who leaves.

The library would look handlers up by event name, so a client could call its ``connect``
handler by sending that name. Here events go to the kernel only. The methods overridden
are private: a test in `tests/servers/test_socketio_server.py` fails when a release renames one.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, cast

import socketio
from socketio import packet

from rxkernel.kernel.serialization import to_plain
from rxkernel.servers.socketio.connection import SocketioConnection
from rxkernel.servers.socketio.handshake import EngineioServer
from rxkernel.servers.socketio.packet import Encoded, KernelPacket

logger = logging.getLogger(__name__)


class _Participants(socketio.AsyncManager):  # type: ignore[misc]
    """A client whose CONNECT is still being decided hears no broadcast."""

    def get_participants(self, namespace: str, room: Any) -> Iterator[tuple[str, str]]:
        undecided = self.pending_connect.get(namespace, ())
        for sid, engine_id in super().get_participants(namespace, room):
            if sid not in undecided:
                yield sid, engine_id


def _library_logger() -> logging.Logger:
    """Ours from WARNING up; python-socketio logs every packet at INFO, unescaped."""
    quiet = logging.Logger(f"{__name__}.library", logging.WARNING)
    quiet.parent = logger
    return quiet


class Engine(socketio.AsyncServer):  # type: ignore[misc]
    """Tells three functions what happens; each connection is handed over as one object.

    Args:
        make: a connection for ``(engine, sid, namespace, engine session, handshake, auth)``.
        connected: decides; the encoded CONNECT_ERROR to send, or None to let the client in.
        received: an event with its acknowledgement id, or None, and its arguments.
        disconnected: once for each connection that was accepted.
        connect_timeout: seconds until a session must be connected to a namespace.
    """

    def __init__(
        self,
        *,
        make: Callable[..., SocketioConnection],
        connected: Callable[[SocketioConnection], Awaitable[Encoded | None]],
        received: Callable[[SocketioConnection, int | None, list[Any]], Awaitable[None]],
        disconnected: Callable[[SocketioConnection], Awaitable[None]],
        connect_timeout: float,
        **options: Any,
    ) -> None:
        self._connect_timeout = connect_timeout
        super().__init__(
            client_manager=_Participants(),
            serializer=KernelPacket,
            async_mode="aiohttp",
            async_handlers=False,
            logger=_library_logger(),
            engineio_logger=_library_logger(),
            **options,
        )
        self.connections: dict[str, SocketioConnection] = {}
        self._make = make
        self._connected = connected
        self._received = received
        self._disconnected = disconnected

    def _engineio_server_class(self) -> type[EngineioServer]:
        return EngineioServer

    async def _handle_connect(self, eio_sid: str, namespace: str, data: Any) -> None:
        """Nobody is connected, hears a broadcast or is heard before `connected` has decided."""
        if eio_sid not in self.eio.sockets:  # the Engine.IO session has ended already
            return
        sid = await self.manager.pre_connect(eio_sid, namespace)
        if sid is None:
            again = {"message": f"connected to {namespace[:100]} already, or about to be"}
            await self._send(eio_sid, packet.CONNECT_ERROR, namespace, data=again)
            return
        connection = self._make(self, sid, namespace, self.environ[eio_sid], data)
        self.connections[sid] = connection
        try:
            refusal = await self._connected(connection)
        except BaseException:
            await self._forget(connection)
            raise
        if refusal is not None:
            await self._forget(connection)
            await self.send(connection, refusal)
        elif eio_sid not in self.eio.sockets:  # it left meanwhile
            await self._forget(connection)
            await self._disconnected(connection)
        else:
            await self._send(eio_sid, packet.CONNECT, namespace, data={"sid": sid})
            await self.manager.connect(sid, namespace)
            await connection.accept()

    async def _forget(self, connection: SocketioConnection) -> None:
        self.connections.pop(connection.id, None)
        connection.end()
        await self.manager.disconnect(connection.id, connection.namespace, ignore_queue=True)

    async def _trigger_event(self, event: str, namespace: str, sid: str, *_: Any) -> None:
        """Called by the library for ``disconnect`` only: `_handle_event` is ours."""
        if sid in self.connections:
            connection = self.connections.pop(sid)
            connection.end()
            await self._disconnected(connection)

    async def _handle_eio_connect(self, eio_sid: str, environ: dict[str, Any]) -> None:
        await super()._handle_eio_connect(eio_sid, environ)
        loop = asyncio.get_running_loop()
        loop.call_later(self._connect_timeout, self._expire, eio_sid)

    def _expire(self, eio_sid: str) -> None:
        """Close a session that is connected to no namespace by now."""
        if not any(c.engine_id == eio_sid for c in self.connections.values()):
            self.eio.spawn(self.close(eio_sid))

    async def _handle_eio_message(self, eio_sid: str, data: str | bytes) -> None:
        """A packet that breaks the protocol closes the session; the library would go on."""
        try:
            ready = self._assembled(eio_sid, data)
            if ready is not None:
                await self._dispatch(eio_sid, ready)
        except Exception as exc:
            logger.warning("closed %s: %.200r", eio_sid, exc)
            await self.close(eio_sid)

    def _assembled(self, eio_sid: str, data: str | bytes) -> KernelPacket | None:
        """The packet that *data* completes, if it does.

        Raises:
            ValueError: it is no packet, or not what was due.
        """
        begun = self._binary_packet.get(eio_sid)
        if isinstance(data, str):
            if begun is not None:
                raise ValueError("text where an attachment was due")
            if not data:
                raise ValueError("an empty packet")
            read = KernelPacket(encoded_packet=data)
            if not read.attachment_count:
                return read
            self._binary_packet[eio_sid] = read
            return None
        if begun is None:
            raise ValueError("an attachment that no packet announced")
        begun.size += len(data)
        if begun.size > self.eio.max_http_buffer_size:
            raise ValueError("attachments above socketio.max_payload")
        if not begun.add_attachment(data):
            return None
        return cast(KernelPacket, self._binary_packet.pop(eio_sid))

    async def _dispatch(self, eio_sid: str, read: KernelPacket) -> None:
        kind, namespace = read.packet_type, read.namespace
        if kind == packet.CONNECT:
            await self._handle_connect(eio_sid, namespace, read.data)
        elif kind == packet.DISCONNECT:
            await self._handle_disconnect(eio_sid, namespace, self.reason.CLIENT_DISCONNECT)
        elif kind in (packet.EVENT, packet.BINARY_EVENT):
            await self._handle_event(eio_sid, namespace, read.id, read.data)
        elif kind in (packet.ACK, packet.BINARY_ACK):
            await self._handle_ack(eio_sid, namespace, read.id, read.data)
        else:
            raise ValueError("a packet that only servers send")

    async def _handle_eio_disconnect(self, eio_sid: str, reason: str) -> None:
        self._binary_packet.pop(eio_sid, None)
        await super()._handle_eio_disconnect(eio_sid, reason)

    async def close(self, eio_sid: str) -> None:
        """Close an Engine.IO session and the transport below it."""
        await self.eio.disconnect(eio_sid)

    async def broadcast(
        self, event: str, args: tuple[Any, ...], room: str | None, namespace: str, skip: set[str]
    ) -> None:
        """Encode once, and hand the same frames to every session; see `Carrier`."""
        encoded = _event(namespace, event, args).encode()
        parts = encoded if isinstance(encoded, list) else [encoded]
        frames = [part if isinstance(part, bytes) else f"4{part}" for part in parts]
        for sid, eio_sid in self.manager.get_participants(namespace, room):
            session = self.eio.sockets.get(eio_sid)
            if session is not None and sid not in skip:
                for frame in frames:
                    session.put(frame)

    async def _handle_event(self, eio_sid: str, namespace: str, id: int | None, data: Any) -> None:
        connection = self._find(eio_sid, namespace)
        if connection is None or not connection.is_accepted:
            raise ValueError("an event before CONNECT")
        await self._received(connection, id, data)

    async def _handle_ack(self, eio_sid: str, namespace: str, id: int | None, data: Any) -> None:
        connection = self._find(eio_sid, namespace)
        if connection is not None:
            connection.answered(id, data)

    def _find(self, eio_sid: str, namespace: str) -> SocketioConnection | None:
        return self.connections.get(self.manager.sid_from_eio_sid(eio_sid, namespace))

    async def send(self, connection: SocketioConnection, encoded: Encoded) -> None:
        """Send a packet that was encoded for *connection*."""
        for part in encoded if isinstance(encoded, list) else [encoded]:
            await self.eio.send(connection.engine_id, part)

    async def _send(self, eio_sid: str, kind: int, namespace: str, *, data: Any) -> None:
        await self._send_packet(eio_sid, KernelPacket(kind, namespace=namespace, data=data))

    async def acknowledge(self, connection: SocketioConnection, encoded: Encoded) -> None:
        """Send an encoded acknowledgement, unless its connection has ended.

        The client may have connected anew on the same session, and count from the start.
        """
        if not connection.is_ended:
            await self.send(connection, encoded)

    async def send_event(
        self, connection: SocketioConnection, event: str, args: tuple[Any, ...], ack: int | None
    ) -> None:
        sent = _event(connection.namespace, event, args, ack)
        if not connection.is_ended:
            await self._send_packet(connection.engine_id, sent)

    def rooms_of(self, connection: SocketioConnection) -> list[Any]:
        return list(self.manager.get_rooms(connection.id, connection.namespace) or ())

    async def enter(self, connection: SocketioConnection, room: str) -> None:
        if connection.id in self.connections:
            await self.enter_room(connection.id, room, namespace=connection.namespace)

    async def leave(self, connection: SocketioConnection, room: str) -> None:
        await self.leave_room(connection.id, room, namespace=connection.namespace)

    async def drop(self, connection: SocketioConnection) -> None:
        await self.disconnect(connection.id, namespace=connection.namespace)


def _event(
    namespace: str, event: str, args: tuple[Any, ...], ack: int | None = None
) -> KernelPacket:
    data = [event, *(to_plain(arg) for arg in args)]
    return KernelPacket(packet.EVENT, namespace=namespace, id=ack, data=data)
