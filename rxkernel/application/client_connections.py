"""The connections of a test client: who comes, who leaves, who receives a broadcast.

It does with recording connections what `SocketioServer` does with sockets.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from rxkernel.application.application import Application
from rxkernel.application.client_calls import ClientCalls
from rxkernel.application.client_responses import sendable, write_refusal
from rxkernel.application.recording import ConnectionRefusedException, RecordingConnection
from rxkernel.exceptions import ForbiddenException
from rxkernel.kernel.errors import failure_of
from rxkernel.kernel.kernel import Kernel
from rxkernel.kernel.scopes import close_connection, current_connection
from rxkernel.kernel.serialization import to_plain
from rxkernel.messages.request import Request
from rxkernel.messages.request_id import event_request_id, given_request_id
from rxkernel.messages.response import Response
from rxkernel.messages.transport import Transport
from rxkernel.servers.disconnect_reason import DisconnectReason
from rxkernel.servers.events import ConnectionEvent, ServerEvents
from rxkernel.servers.socketio.packet import encode_event, read_auth

logger = logging.getLogger(__name__)


class ClientConnections:
    """Those that are connected, or about to be, in the order in which they came."""

    def __init__(
        self,
        application: Application,
        calls: ClientCalls,
        boot: Callable[[], Awaitable[Kernel]],
    ) -> None:
        self._application = application
        self._calls = calls
        self._boot = boot
        self._open: dict[str, RecordingConnection] = {}

    async def admit(self, connection: RecordingConnection) -> None:
        """Dispatch CONNECTED, and let *connection* in unless that refuses it.

        Raises:
            ConnectionRefusedException: a listener raised, or disconnected it; its auth is not
                an object; or nothing serves its namespace.
        """
        kernel = await self._boot()
        await self._calls.run(self._admit(kernel, connection), connection.context)

    async def _admit(self, kernel: Kernel, connection: RecordingConnection) -> None:
        current_connection.set(connection)
        if kernel.extract is not None:
            kernel.extract(connection.headers)
        self._check_namespace(kernel, connection)
        self._open[connection.id] = connection
        try:
            connection.auth = read_auth(to_plain(connection.auth))
            event = ConnectionEvent(connection)
            await self._application.dispatcher.dispatch(ServerEvents.CONNECTED, event)
            if connection.is_dropped:
                raise ForbiddenException("disconnected before it was connected")
        except BaseException as exc:  # noqa: BLE001 - it refuses, as on the wire
            await self._forget(connection)
            failure = failure_of(exc)
            response = await self._refusal(kernel, connection, failure)
            raise ConnectionRefusedException(response) from failure
        connection.accept()

    def _check_namespace(self, kernel: Kernel, connection: RecordingConnection) -> None:
        namespace = connection.namespace
        others = ("/", *self._application.settings.socketio.namespaces)
        if namespace not in kernel.compiled.events and namespace not in others:
            connection.end()
            raise ConnectionRefusedException(Response({"message": "Invalid namespace"}, 404))

    async def _forget(self, connection: RecordingConnection) -> None:
        del self._open[connection.id]
        connection.end()
        await close_connection(connection)

    async def _refusal(
        self, kernel: Kernel, connection: RecordingConnection, failure: Exception
    ) -> Response:
        header = self._application.settings.request_id_header
        id = event_request_id(given_request_id(connection.headers, header))
        request = Request(
            Transport.SOCKET, connection.headers, url="CONNECT", connection=connection, id=id
        )
        response = await kernel.fail(request, failure)
        response, _ = await sendable(kernel, request, response, write_refusal)
        if header is not None:
            response.headers[header] = request.id
        return response

    async def dismiss(self, connection: RecordingConnection, reason: DisconnectReason) -> None:
        """Dispatch DISCONNECTED, once, then end the services of *connection*."""
        if self._open.pop(connection.id, None) is None:
            return
        connection.end()
        await self._calls.run(self._dismiss(connection, reason), connection.context)

    async def _dismiss(self, connection: RecordingConnection, reason: DisconnectReason) -> None:
        current_connection.set(connection)
        try:
            event = ConnectionEvent(connection, None, reason)
            await self._application.dispatcher.dispatch(ServerEvents.DISCONNECTED, event)
        except asyncio.CancelledError:
            raise
        except BaseException as exc:
            failure = failure_of(exc)
            logger.error("a listener of %s failed", ServerEvents.DISCONNECTED, exc_info=failure)
        finally:
            await connection.dismissed()

    async def dismiss_all(self, reason: DisconnectReason) -> None:
        """Dismiss those that are there, side by side."""
        await asyncio.gather(*(self.dismiss(one, reason) for one in tuple(self._open.values())))

    async def broadcast(
        self,
        event: str,
        args: tuple[object, ...],
        rooms: tuple[str, ...] | None,
        namespace: str,
        skip: set[str],
    ) -> None:
        """See `Carrier`. One that is about to connect receives what is for it alone."""
        encode_event(namespace, event, args, None)
        for connection in tuple(self._open.values()):
            if connection.namespace != namespace or connection.id in skip:
                continue
            is_alone = rooms is not None and connection.id in rooms
            is_among = rooms is None or not connection.rooms.isdisjoint(rooms)
            if is_alone or (connection.is_accepted and is_among):
                connection.receive(event, args)

    def is_id(self, namespace: str, room: str) -> bool:
        """Whether *room* is the id of a connection to *namespace*."""
        connection = self._open.get(room)
        return connection is not None and connection.namespace == namespace
