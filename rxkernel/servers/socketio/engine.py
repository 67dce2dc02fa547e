"""python-socketio with its ends in our hands: who connects, what an event does, who leaves.

The library would look handlers up by event name, so a client could call its ``connect``
handler by sending that name. Here events go to the kernel only. The methods overridden
are private: a test in `tests/servers/test_socketio_server.py` fails when a release renames one.

The way of one event: `Session.serve` reads a frame, `Session.receive` hands it to
`Engine._handle_eio_message`, `Peer.read` makes a packet of it, `SocketioServer._received` puts it
into the `Mailbox` of its connection, a task of which runs `SocketioServer._serve`; the answer
leaves by `SocketioConnection.acknowledge`. What returns an awaitable on this way holds the
reader back.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import socketio

from rxkernel.servers.aiohttp.websocket import Frame
from rxkernel.servers.disconnect_reason import DisconnectReason
from rxkernel.servers.socketio.connection import SocketioConnection
from rxkernel.servers.socketio.handshake import EngineioServer
from rxkernel.servers.socketio.limits import Limits, ProtocolError
from rxkernel.servers.socketio.outbox import Outgoing
from rxkernel.servers.socketio.packet import (
    CONNECT,
    CONNECT_ERROR,
    DISCONNECT,
    EVENTS,
    Inbound,
    KernelPacket,
    encode_event,
    encode_packet,
)
from rxkernel.servers.socketio.peer import Peer
from rxkernel.servers.socketio.rooms import Rooms, arguments

logger = logging.getLogger(__name__)

_CLIENT = DisconnectReason.CLIENT


def _library_logger() -> logging.Logger:
    """Ours from WARNING up; python-socketio logs every packet at INFO, unescaped."""
    quiet = logging.Logger(f"{__name__}.library", logging.WARNING)
    quiet.parent = logger
    return quiet


class Engine(socketio.AsyncServer):  # type: ignore[misc]
    """Tells three functions what happens; each connection is handed over as one object.

    Args:
        limits: of the sessions, counted in one place.
        make: a connection for ``(peer, sid, namespace)``.
        connected: decides, given the auth; the CONNECT_ERROR to send, or None to let it in.
        received: an event with its acknowledgement id, or None, and its arguments; what it
            returns is awaited before more is read of that client.
        disconnected: once for each connection that was accepted, with the reason of its end.
    """

    def __init__(
        self,
        *,
        limits: Limits,
        make: Callable[[Peer, str, str], SocketioConnection],
        connected: Callable[[SocketioConnection, Any], Awaitable[Outgoing | None]],
        received: Callable[[SocketioConnection, int | None, list[Any]], Awaitable[None] | None],
        disconnected: Callable[[SocketioConnection, DisconnectReason], Awaitable[None]],
        **options: Any,
    ) -> None:
        super().__init__(
            client_manager=Rooms(),
            serializer=KernelPacket,
            async_mode="aiohttp",
            async_handlers=False,
            logger=_library_logger(),
            engineio_logger=_library_logger(),
            limits=limits,
            **options,
        )
        self.limits = limits
        self.connections: dict[str, SocketioConnection] = {}
        self._peers: dict[str, Peer] = {}
        self._make = make
        self._connected = connected
        self._received = received
        self._disconnected = disconnected

    def _engineio_server_class(self) -> type[EngineioServer]:
        return EngineioServer

    # --- sessions

    async def _handle_eio_connect(self, eio_sid: str, environ: dict[str, Any]) -> None:
        await super()._handle_eio_connect(eio_sid, environ)
        session = self.eio.sockets[eio_sid]
        self._peers[eio_sid] = Peer(session, self.limits, self.eio.spawn)

    def _handle_eio_message(self, eio_sid: str, data: Frame) -> Awaitable[None] | None:
        """A packet that breaks the protocol closes the session; the library would go on."""
        peer = self._peers.get(eio_sid)
        if peer is None or (read := peer.read(data)) is None:
            return None
        kind, connection = read.kind, peer.connections.get(read.namespace)
        if kind in EVENTS:
            if connection is None or not connection.is_accepted:
                raise ProtocolError("an event before CONNECT")
            return self._received(connection, read.id, read.data)
        if kind == CONNECT:
            return self._connect(peer, read.namespace, read.data)
        if kind == DISCONNECT:
            return None if connection is None else self._leave(peer, connection, _CLIENT)
        return self._answered(connection, read)

    async def _handle_eio_disconnect(self, eio_sid: str, reason: DisconnectReason) -> None:
        self.environ.pop(eio_sid, None)
        peer = self._peers.pop(eio_sid, None)
        if peer is not None:
            ends = [self._leave(peer, one, reason) for one in tuple(peer.connections.values())]
            await asyncio.gather(*ends)
            peer.settle()

    def _answered(
        self, connection: SocketioConnection | None, read: Inbound
    ) -> Awaitable[None] | None:
        assert read.id is not None
        if connection is not None and connection.answered(read.id, read.data):
            return None
        if connection is not None and read.id in self.manager.callbacks.get(connection.id, ()):
            called: Awaitable[None] = self.manager.trigger_callback(
                connection.id, read.id, read.data
            )
            return called
        self.limits.counts["unexpected acknowledgement"] += 1
        return None

    # --- connections

    async def _connect(self, peer: Peer, namespace: str, auth: Any) -> None:
        """Nobody is connected, hears a broadcast or is heard before `connected` has decided."""
        session = peer.session
        if (reason := self._forbids(peer, namespace)) is not None:
            error = {"message": reason}
            session.put(encode_packet(CONNECT_ERROR, namespace, None, error))
            return
        sid = await self.manager.pre_connect(session.sid, namespace)
        connection = self._make(peer, sid, namespace)
        self.connections[sid] = peer.connections[namespace] = connection
        try:
            refusal = await self._connected(connection, auth)
        except BaseException:
            await self._forget(peer, connection)
            raise
        if refusal is not None:
            await self._forget(peer, connection)
            session.put(refusal)
        elif session.reason is not None:  # it left meanwhile
            await self._forget(peer, connection)
            await self._disconnected(connection, session.reason)
        else:
            peer.settle()
            session.put(encode_packet(CONNECT, namespace, None, {"sid": sid}))
            await self.manager.connect(sid, namespace)
            connection.accept()

    def _forbids(self, peer: Peer, namespace: str) -> str | None:
        if namespace in peer.connections:
            return f"connected to {namespace[:100]} already, or about to be"
        if len(peer.connections) >= self.limits.settings.max_namespaces:
            what = f"{peer.session.sid} asked for one more namespace"
            self.limits.record("socketio.max_namespaces", what)
            return "connected to as many namespaces as a client may be"
        return None

    async def _forget(self, peer: Peer, connection: SocketioConnection) -> None:
        self.connections.pop(connection.id, None)
        peer.connections.pop(connection.namespace, None)
        connection.end()
        if not peer.connections:
            peer.expect()
        await self.manager.disconnect(connection.id, connection.namespace, ignore_queue=True)

    async def _leave(
        self, peer: Peer, connection: SocketioConnection, reason: DisconnectReason
    ) -> None:
        """It has left, by itself or with its session; while undecided, `_connect` sees to it."""
        if connection.is_accepted and not connection.is_ended:
            await self._forget(peer, connection)
            await self._disconnected(connection, reason)

    async def _trigger_event(self, event: str, namespace: str, sid: str, *_: Any) -> None:
        """Called by the library for ``disconnect`` only, of a client that the server drops."""
        connection = self.connections.get(sid)
        if connection is not None and (peer := self._peers.get(connection.session.sid)):
            await self._leave(peer, connection, DisconnectReason.SERVER)

    # --- what others use

    async def call(
        self,
        event: str,
        data: Any = None,
        to: str | None = None,
        sid: str | None = None,
        namespace: str | None = None,
        timeout: float = 60,
        ignore_queue: bool = False,
    ) -> Any:
        """python-socketio's own would wait in the way of the answer.

        Raises:
            ValueError: nobody of that id is connected to *namespace*.
            socketio.exceptions.TimeoutError: no answer in time.
        """
        connection = self.connections.get(to or sid or "")
        if connection is None or connection.namespace != (namespace or "/"):
            raise ValueError(f"no client {to or sid!r} in the namespace {namespace or '/'}")
        try:
            return await connection.call(event, *arguments(data), timeout=timeout)
        except TimeoutError as exc:
            raise socketio.exceptions.TimeoutError from exc

    async def broadcast(
        self,
        event: str,
        args: tuple[Any, ...],
        rooms: tuple[str, ...] | None,
        namespace: str,
        skip: set[str],
    ) -> None:
        """See `Carrier`."""
        message = encode_event(namespace, event, args, None)
        room = rooms[0] if rooms is not None and len(rooms) == 1 else rooms
        self.manager.deliver(message, namespace, room, skip)

    def rooms_of(self, connection: SocketioConnection) -> list[Any]:
        return list(self.manager.get_rooms(connection.id, connection.namespace))

    async def enter(self, connection: SocketioConnection, room: str) -> None:
        if connection.id in self.connections:
            await self.enter_room(connection.id, room, namespace=connection.namespace)

    async def leave(self, connection: SocketioConnection, room: str) -> None:
        await self.leave_room(connection.id, room, namespace=connection.namespace)

    async def drop(self, connection: SocketioConnection) -> None:
        await self.disconnect(connection.id, namespace=connection.namespace)
