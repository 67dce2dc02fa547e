"""python-socketio's server, with connect, events and disconnect replaced.

The library looks up handlers by event name, so a client could call the ``connect`` handler with an
event of that name. Here all events go to a `ConnectionHandler`. Some overridden methods are
private: a test in `tests/private_uses` fails if a release renames one.
"""

import asyncio
import logging
from collections.abc import Collection, Coroutine, Iterator
from typing import Any

import socketio

from rxkernel.messages.broadcast_backend import Rooms
from rxkernel.messages.connection_recovery import (
    ConnectionRecovery,
    ConnectionState,
    MissedEvent,
)
from rxkernel.servers.disconnect_reason import DisconnectReason
from rxkernel.servers.socketio.backpressure import Pending
from rxkernel.servers.socketio.client_manager import ClientManager, arguments
from rxkernel.servers.socketio.connection import SocketioConnection
from rxkernel.servers.socketio.connection_handler import ConnectionHandler
from rxkernel.servers.socketio.encoded_packet import EncodedPacket
from rxkernel.servers.socketio.encoding import encode_connect_error, encode_event, encode_packet
from rxkernel.servers.socketio.engineio_server import EngineioServer
from rxkernel.servers.socketio.flush_scheduler import FlushScheduler
from rxkernel.servers.socketio.library_packet import LibraryPacket
from rxkernel.servers.socketio.packet import CONNECT, DISCONNECT, EVENTS, Packet
from rxkernel.servers.socketio.protocol_error import ProtocolError
from rxkernel.servers.socketio.recovering import (
    RECOVERABLE,
    Claim,
    NotRecoveredException,
    Recovering,
    new_pid,
    split_auth,
)
from rxkernel.servers.socketio.session import Session
from rxkernel.servers.socketio.session_limits import SessionLimits

logger = logging.getLogger(__name__)


def _library_logger() -> logging.Logger:
    """Return a logger for warnings and errors: at INFO python-socketio logs unescaped packets."""
    library_logger = logging.Logger(f"{__name__}.library", logging.WARNING)
    library_logger.parent = logger
    return library_logger


class Engine(socketio.AsyncServer):  # type: ignore[misc]
    """Handles the packets of sessions; implements `SessionHooks` and `ConnectionHolder`.

    ``connections`` are all connections by id, including those that are not accepted yet;
    ``content_serializer`` encodes the content that the application sends. If clients may recover,
    ``recovery`` is set, and ``_recoverable`` are the accepted connections by private id.
    """

    def __init__(
        self,
        handler: ConnectionHandler,
        limits: SessionLimits,
        recovery: ConnectionRecovery | None,
        **options: Any,
    ) -> None:
        self.limits = limits
        self.recovery = recovery
        self._recoverable: dict[str, SocketioConnection] = {}
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
        if self.recovery is not None and reason in RECOVERABLE:
            for connection in connections:
                self._keep(session, connection)
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
        if self.recovery is None:
            await self._connect_as(session, namespace, packet.data, None)
            return
        claim, auth = split_auth(packet.data)
        recovering = None if claim is None else await self._take(self.recovery, claim, namespace)
        if session.closed or namespace in session.connections:
            return
        if recovering is None or not await self._connect_as(session, namespace, auth, recovering):
            recovering = Recovering(new_pid(), self.recovery.position)
            await self._connect_as(session, namespace, auth, recovering)

    async def _connect_as(
        self, session: Session, namespace: str, auth: Any, recovering: Recovering | None
    ) -> bool:
        """Return False if the client must be connected as a new one instead."""
        state = None if recovering is None else recovering.state
        if state is None:
            sid = await self.manager.pre_connect(session.sid, namespace)
        else:
            sid = state.id
            self.manager.pre_connect_as(sid, session.sid, namespace)
        connection = self._handler.make_connection(self, session, sid, namespace)
        connection.recovering = recovering
        self.connections[sid] = session.connections[namespace] = connection
        session.disconnected -= {namespace}
        try:
            rejection = await self._handler.connect(connection, auth)
        except BaseException:
            await self._remove(session, connection)
            raise
        if rejection is not None:
            await self._remove(session, connection)
            self._keep_again(recovering)
            if connection.is_not_recovered:
                return False
            session.sender.put(rejection)
        elif session.reason is not None:  # the session was closed meanwhile
            await self._remove(session, connection)
            await self._handler.disconnect(connection, session.reason)
        else:
            await self._accept(session, connection)
        return True

    async def _accept(self, session: Session, connection: SocketioConnection) -> None:
        namespace, recovering = connection.namespace, connection.recovering
        recovery = self.recovery
        accepted = {"sid": connection.id}
        if recovering is not None and recovery is not None:
            accepted["pid"] = recovering.pid
            self._recoverable[recovering.pid] = connection
            session.forget_received()  # an earlier ping does not cover its events
            if not connection.has_early and not connection.recovered:
                recovering.since = recovery.position
        session.connect_deadline.stop()
        session.sender.put(encode_packet(CONNECT, namespace, None, accepted))
        if not connection.recovered:
            await self.manager.connect(connection.id, namespace)
        connection.accept()
        self._handler.accepted(connection)

    # --- recovery

    async def _take(
        self, recovery: ConnectionRecovery, claim: Claim, namespace: str
    ) -> Recovering | None:
        before = self._recoverable.get(claim.pid)
        if before is not None and before.namespace == namespace:
            # the client has reconnected before the server noticed the end of the old session
            session = self.eio.sockets.get(before.session.sid)
            if session is not None:
                await session.close(DisconnectReason.TRANSPORT_CLOSE)
        state = await recovery.take(claim.pid, claim.offset, namespace)
        if state is None or state.id in self.connections:
            return None
        return Recovering(claim.pid, state.since, state)

    async def restore(self, connection: SocketioConnection) -> None:
        """Restore the state of *connection*, if one was kept for it.

        Raises:
            NotRecoveredException: the state cannot be restored; the client is connected as a new
                one then.
        """
        recovery, recovering = self.recovery, connection.recovering
        if recovery is None or recovering is None or recovering.state is None:
            return
        state, connection.is_not_recovered = recovering.state, True
        if _identifier_of(connection) != state.identifier:
            raise NotRecoveredException("the client has another user")
        recovering.state = None
        for room in state.rooms:
            if not self.manager.is_sid_room(connection.namespace, room):
                await connection.join(room)
        await self.manager.connect(connection.id, connection.namespace)
        missed = await recovery.missed(state)
        if missed is None:
            raise NotRecoveredException("it was disconnected, or events that it missed were lost")
        for room in state.rooms - missed.rooms:
            await connection.leave(room)
        for room in missed.rooms - state.rooms:
            await connection.join(room)
        packets = [packet for one in missed.events for packet in self._encoded(one, connection)]
        limits = self.limits.settings
        size = sum(packet.size for packet in packets)
        if len(packets) >= limits.max_outbound_messages or size > limits.max_outbound_bytes:
            raise NotRecoveredException("the client missed more events than its queue may hold")
        connection.is_not_recovered = False
        recovering.since = missed.since
        connection.restore(state.attributes, packets, missed.covers)

    def _encoded(
        self, missed: MissedEvent, connection: SocketioConnection
    ) -> Iterator[EncodedPacket]:
        args = (*missed.args, missed.offset)
        try:
            yield encode_event(
                connection.namespace, missed.event, args, None, self.content_serializer
            )
        except (TypeError, ValueError, RecursionError):
            logger.exception("a missed event %.100r cannot be sent", missed.event)

    def _keep(self, session: Session, connection: SocketioConnection) -> None:
        recovering, recovery = connection.recovering, self.recovery
        if recovering is None or recovery is None or not connection.is_accepted:
            return
        if connection.is_ended or (
            connection.user is not None and _identifier_of(connection) is None
        ):
            return
        recovering.is_kept = True
        since = recovering.since if session.received_until is None else session.received_until
        state = ConnectionState(
            connection.id,
            connection.namespace,
            frozenset(room for room in connection.rooms if isinstance(room, str)),
            dict(connection.attributes),
            _identifier_of(connection),
            since,
            recovery.position,
        )
        self.spawn(recovery.keep(recovering.pid, state))

    def _keep_again(self, recovering: Recovering | None) -> None:
        """Keep a state that was not restored because a credential has expired or belongs to
        another user: the client may send a valid one the next time."""
        if self.recovery is not None and recovering is not None and recovering.state is not None:
            self.spawn(self.recovery.keep(recovering.pid, recovering.state))

    def recorded(
        self,
        event: str,
        args: tuple[Any, ...],
        rooms: Rooms,
        namespace: str,
        skip: Collection[str],
    ) -> EncodedPacket:
        """Record an event for clients of this process and return its packet."""
        if self.recovery is not None:
            self.recovery.record(event, args, rooms, namespace, skip, is_local=True)
        return self._encode(namespace, event, args)

    def _encode(self, namespace: str, event: str, args: tuple[Any, ...]) -> EncodedPacket:
        recovery = self.recovery
        if recovery is None:
            return encode_event(namespace, event, args, None, self.content_serializer)
        args = (*args, recovery.offset)
        packet = encode_event(namespace, event, args, None, self.content_serializer)
        packet.position = recovery.position
        return packet

    def emit_to(self, connection: SocketioConnection, event: str, args: tuple[Any, ...]) -> None:
        """Send an event to the client of *connection*, even if the connection has ended and the
        client may recover, or has recovered with another connection."""
        recovery, id, namespace = self.recovery, connection.id, connection.namespace
        if recovery is None or not connection.is_ended:
            connection.put(self.recorded(event, args, (id,), namespace, ()))
        elif connection.recovering is not None and connection.recovering.is_kept:
            recovery.record(event, args, (id,), namespace, (), is_local=False)
            self.deliver(event, args, (id,), namespace, set(), volatile=False)

    # --- connections

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
        if connection.recovering is not None:
            self._recoverable.pop(connection.recovering.pid, None)
        session.connections.pop(connection.namespace, None)
        connection.end()
        if not session.connections:
            session.connect_deadline.start()
        await self.manager.disconnect(connection.id, connection.namespace, ignore_queue=True)

    async def _end(
        self, session: Session, connection: SocketioConnection, reason: DisconnectReason
    ) -> None:
        """End *connection* if it is accepted; otherwise `_connect` removes it."""
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
            ValueError: *namespace* has no connection with that id.
            socketio.exceptions.TimeoutError: the client did not acknowledge in time.
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
        packet = self._encode(namespace, event, args)
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


def _identifier_of(connection: SocketioConnection) -> str | None:
    """The identifier of the user, as `security` sets it."""
    identifier: str | None = getattr(connection.token, "identifier", None)
    return identifier


def _room(rooms: Rooms) -> Rooms | str:
    """Return the room itself if *rooms* has only one, which is faster than a tuple."""
    return rooms[0] if rooms is not None and len(rooms) == 1 else rooms
