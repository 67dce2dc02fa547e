"""python-socketio's server, with connect, events and disconnect replaced.

The library looks up handlers by event name, so a client could call the ``connect`` handler with an
event of that name. Here all events go to a `ConnectionHandler`. Some overridden methods are
private: a test in `tests/private_uses` fails if a release renames one.
"""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

import socketio

from rxkernel.messages.broadcast_backend import Rooms
from rxkernel.servers.disconnect_reason import DisconnectReason
from rxkernel.servers.socketio.backpressure import Pending
from rxkernel.servers.socketio.client_manager import ClientManager, arguments
from rxkernel.servers.socketio.connection import SocketioConnection
from rxkernel.servers.socketio.connection_handler import ConnectionHandler
from rxkernel.servers.socketio.encoding import encode_connect_error, encode_event, encode_packet
from rxkernel.servers.socketio.engineio_server import EngineioServer
from rxkernel.servers.socketio.flush_scheduler import FlushScheduler
from rxkernel.servers.socketio.library_packet import LibraryPacket
from rxkernel.servers.socketio.packet import CONNECT, DISCONNECT, EVENTS, Packet
from rxkernel.servers.socketio.protocol_error import ProtocolError
from rxkernel.servers.socketio.session import Session
from rxkernel.servers.socketio.session_limits import SessionLimits

logger = logging.getLogger(__name__)


def _library_logger() -> logging.Logger:
    """A logger for warnings and errors: at INFO python-socketio logs every packet unescaped."""
    library_logger = logging.Logger(f"{__name__}.library", logging.WARNING)
    library_logger.parent = logger
    return library_logger


class Engine(socketio.AsyncServer):  # type: ignore[misc]
    """Handles the packets of sessions; implements `SessionHooks` and `ConnectionHolder`.

    ``connections`` are all connections by id, including those that are not accepted yet;
    ``content_serializer`` encodes what the application sends.
    """

    def __init__(self, handler: ConnectionHandler, limits: SessionLimits, **options: Any) -> None:
        self.limits = limits
        self.flush_scheduler = FlushScheduler(asyncio.get_running_loop())
        self.connections: dict[str, SocketioConnection] = {}
        self._handler = handler
        self.content_serializer = handler.serializer
        self._tasks: set[asyncio.Task[None]] = set()
        super().__init__(
            client_manager=ClientManager(),
            serializer=LibraryPacket,
            async_mode="aiohttp",
            async_handlers=False,
            logger=_library_logger(),
            engineio_logger=_library_logger(),
            hooks=self,
            **options,
        )

    def _engineio_server_class(self) -> type[EngineioServer]:
        return EngineioServer

    # --- sessions

    async def opened(self, session: Session) -> None:
        self.eio.sockets[session.sid] = session
        await self._handle_eio_connect(session.sid, session.environ)

    def received(self, session: Session, packet: Packet) -> Pending:
        connection = session.connections.get(packet.namespace)
        if packet.kind in EVENTS:
            if connection is None or not connection.is_accepted:
                if connection is None and packet.namespace in session.disconnected:
                    return None
                raise ProtocolError("an event before CONNECT")
            return self._handler.receive(connection, packet)
        if packet.kind == CONNECT:
            return self._connect(session, packet)
        if connection is None:
            if packet.kind != DISCONNECT:
                self._count_unexpected_acknowledgement()
            return None
        if packet.kind == DISCONNECT:
            return self._end(session, connection, DisconnectReason.CLIENT)
        return self._acknowledged(connection, packet)

    async def closed(self, session: Session, reason: DisconnectReason) -> None:
        self.eio.sockets.pop(session.sid, None)
        self.environ.pop(session.sid, None)
        self.limits.release(session.client)
        connections = tuple(session.connections.values())
        await asyncio.gather(*(self._end(session, one, reason) for one in connections))

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _acknowledged(self, connection: SocketioConnection, packet: Packet) -> Pending:
        id, values = packet.id, packet.data
        assert id is not None  # `read_packet` checks it
        if connection.acknowledged(id, values):
            return None
        if id in self.manager.callbacks.get(connection.id, ()):
            callback: Coroutine[Any, Any, None] = self.manager.trigger_callback(
                connection.id, id, values
            )
            return callback
        self._count_unexpected_acknowledgement()
        return None

    def _count_unexpected_acknowledgement(self) -> None:
        self.limits.counts["unexpected acknowledgement"] += 1

    # --- connections

    async def _connect(self, session: Session, packet: Packet) -> None:
        """Connect a client to a namespace; it receives broadcasts once the handler accepts it."""
        namespace = packet.namespace
        if (error := self._connect_error(session, namespace)) is not None:
            session.sender.put(encode_connect_error(namespace, error))
            return
        sid = await self.manager.pre_connect(session.sid, namespace)
        connection = self._handler.make_connection(self, session, sid, namespace)
        self.connections[sid] = session.connections[namespace] = connection
        session.disconnected -= {namespace}
        try:
            rejection = await self._handler.connect(connection, packet.data)
        except BaseException:
            await self._remove(session, connection)
            raise
        if rejection is not None:
            await self._remove(session, connection)
            session.sender.put(rejection)
        elif session.reason is not None:  # the session was closed meanwhile
            await self._remove(session, connection)
            await self._handler.disconnect(connection, session.reason)
        else:
            session.connect_deadline.stop()
            session.sender.put(encode_packet(CONNECT, namespace, None, {"sid": sid}))
            await self.manager.connect(sid, namespace)
            connection.accept()
            self._handler.accepted(connection)

    def _connect_error(self, session: Session, namespace: str) -> str | None:
        if namespace in session.connections:
            return f"already connected to {namespace[:100]}"
        if len(session.connections) >= self.limits.settings.max_namespaces:
            what = f"rejected one more namespace of {session.sid}"
            self.limits.record("socketio.max_namespaces", what)
            return "connected to too many namespaces"
        return None

    async def _remove(self, session: Session, connection: SocketioConnection) -> None:
        self.connections.pop(connection.id, None)
        session.connections.pop(connection.namespace, None)
        connection.end()
        if not session.connections:
            session.connect_deadline.start()
        await self.manager.disconnect(connection.id, connection.namespace, ignore_queue=True)

    async def _end(
        self, session: Session, connection: SocketioConnection, reason: DisconnectReason
    ) -> None:
        """End *connection* if it is accepted; `_connect` removes one that is not accepted yet."""
        if connection.is_accepted and not connection.is_ended:
            await self._remove(session, connection)
            await self._handler.disconnect(connection, reason)

    async def _trigger_event(self, event: str, namespace: str, sid: str, *_: Any) -> None:
        """Called by python-socketio only in `disconnect`, for the event ``disconnect``."""
        connection = self.connections.get(sid)
        if connection is not None:
            session = self.eio.sockets.get(connection.session.sid)
            if session is not None:
                session.note_disconnected(namespace)
                await self._end(session, connection, DisconnectReason.SERVER)

    # --- the interfaces of python-socketio and of `LocalBackend`

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
        """Call one client. python-socketio's method would block the reader of the client.

        Raises:
            ValueError: no connection to *namespace* has that id.
            socketio.exceptions.TimeoutError: no acknowledgement in time.
        """
        connection = self.connections.get(to or sid or "")
        if connection is None or connection.namespace != (namespace or "/"):
            raise ValueError(f"no client {to or sid!r} in the namespace {namespace or '/'}")
        try:
            return await connection.call(event, *arguments(data), timeout=timeout)
        except TimeoutError as exc:
            raise socketio.exceptions.TimeoutError from exc

    def deliver(
        self,
        event: str,
        args: tuple[Any, ...],
        rooms: Rooms,
        namespace: str,
        skip: set[str],
        volatile: bool,
    ) -> None:
        packet = encode_event(namespace, event, args, None, self.content_serializer)
        recipients = self.manager.recipients(namespace, _room(rooms), skip)
        if volatile:
            for connection in recipients:
                connection.put_volatile(packet)
        else:
            for connection in recipients:
                connection.put(packet)

    def select(self, rooms: Rooms, namespace: str) -> list[SocketioConnection]:
        selected: list[SocketioConnection] = self.manager.recipients(namespace, _room(rooms))
        return selected

    async def shutdown(self) -> None:
        """Wait for sessions and websockets that are being closed."""
        while self._tasks:
            await asyncio.wait(self._tasks)


def _room(rooms: Rooms) -> Rooms | str:
    """One room costs less than a tuple with one."""
    return rooms[0] if rooms is not None and len(rooms) == 1 else rooms
