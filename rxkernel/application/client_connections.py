"""The connections of a test client, and the broadcasts to them.

Handles recording connections as `SocketioServer` handles sockets.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from rxkernel.application.application import Application
from rxkernel.application.client_calls import ClientCalls
from rxkernel.application.recording import ConnectionRefusedException, RecordingConnection
from rxkernel.exceptions import HttpException
from rxkernel.kernel.kernel import Kernel
from rxkernel.kernel.serialization import Serializer
from rxkernel.messages.broadcast_backend import Rooms
from rxkernel.messages.request import Request
from rxkernel.messages.request_id import client_request_id, event_request_id
from rxkernel.messages.response import Response
from rxkernel.messages.transport import Transport
from rxkernel.servers.connection_lifecycle import ConnectionLifecycle
from rxkernel.servers.disconnect_reason import DisconnectReason
from rxkernel.servers.socketio.encoding import encode_event, encode_rejection
from rxkernel.servers.socketio.served_namespaces import INVALID_NAMESPACE, find_namespace

__tracebackhide__ = True  # pytest shows the line of the test instead


class ClientConnections:
    """The connections of one client, by id, including those that are not accepted yet.

    *token* returns the token of each connection, see `KernelClient.as_user`.
    """

    def __init__(
        self,
        application: Application,
        calls: ClientCalls,
        boot: Callable[[], Awaitable[Kernel]],
        token: Callable[[], Any],
    ) -> None:
        self._application = application
        self._calls = calls
        self._boot = boot
        self._token = token
        self._lifecycle: ConnectionLifecycle | None = None
        self._open: dict[str, RecordingConnection] = {}

    @property
    def serializer(self) -> Serializer:
        return self._application.kernel.serializer

    async def connect(self, connection: RecordingConnection) -> None:
        """Dispatch CONNECTED and accept *connection*.

        Raises:
            ConnectionRefusedException: a listener raised or disconnected it, its auth is not an
                object, or clients cannot connect to its namespace.
        """
        kernel = await self._boot()
        connection.token = self._token()
        self._lifecycle = ConnectionLifecycle(kernel, self._application.dispatcher, None)
        self._check_namespace(kernel, connection)
        await self._calls.run(
            self._connect(kernel, self._lifecycle, connection), connection.context
        )
        if self._lifecycle.has_accepted_listeners:
            connection.accepting = self._calls.start(
                self._lifecycle.accept(connection, self._request(connection, "CONNECT")),
                connection.context,
            )

    def _check_namespace(self, kernel: Kernel, connection: RecordingConnection) -> None:
        settings = self._application.settings.socketio
        found = find_namespace(connection.namespace, kernel.compiled, settings)
        if found is None:
            connection.end()
            raise ConnectionRefusedException(Response({"message": INVALID_NAMESPACE}, 404))
        connection.route_namespace, connection.params = found

    async def _connect(
        self, kernel: Kernel, lifecycle: ConnectionLifecycle, connection: RecordingConnection
    ) -> None:
        header = self._application.settings.request_id_header
        request = self._request(connection, "CONNECT")
        encode = partial(encode_rejection, connection.namespace, serializer=kernel.serializer)
        self._open[connection.id] = connection
        try:
            auth = kernel.serializer.to_plain(connection.auth)
            rejection = await lifecycle.connect(connection, request, auth, encode)
        except BaseException:
            self._remove(connection)
            raise
        if rejection is not None:
            self._remove(connection)
            await kernel.drain()
            if header is not None:
                rejection.response.headers[header] = request.id
            raise ConnectionRefusedException(rejection.response) from _shown(rejection.error)
        connection.accept()

    def _request(self, connection: RecordingConnection, name: str) -> Request:
        header = self._application.settings.request_id_header
        return Request(
            Transport.SOCKET,
            connection.headers,
            url=name,
            connection=connection,
            id=event_request_id(client_request_id(connection.headers, header)),
        )

    def _remove(self, connection: RecordingConnection) -> None:
        del self._open[connection.id]
        connection.end()

    def disconnect(
        self, connection: RecordingConnection, reason: DisconnectReason
    ) -> asyncio.Task[None]:
        """End *connection*; return the task that dispatches DISCONNECTED and closes services."""
        self._remove(connection)
        return self._calls.start(self._disconnect(connection, reason), connection.context)

    async def _disconnect(self, connection: RecordingConnection, reason: DisconnectReason) -> None:
        assert self._lifecycle is not None  # set before a connection is open
        try:
            request = self._request(connection, "DISCONNECT")
            await self._lifecycle.disconnect(connection, request, reason)
        finally:
            await connection.disconnected()

    async def disconnect_all(self, reason: DisconnectReason) -> None:
        """Disconnect all connections at the same time."""
        connections = tuple(self._open.values())
        accepted = (one for one in connections if one.is_connected)
        await asyncio.gather(*(self.disconnect(one, reason) for one in accepted))

    def deliver(
        self,
        event: str,
        args: tuple[object, ...],
        rooms: Rooms,
        namespace: str,
        skip: set[str],
        volatile: bool,
    ) -> None:
        """See `BroadcastBackend.broadcast`. A client in the process has no packets to wait for."""
        encode_event(namespace, event, args, None, self.serializer)
        for connection in self.select(rooms, namespace):
            if connection.id not in skip:
                connection.receive(event, args)

    def select(self, rooms: Rooms, namespace: str) -> list[RecordingConnection]:
        return [one for one in self._open.values() if _is_selected(one, rooms, namespace)]

    def is_id(self, namespace: str, room: str) -> bool:
        """Whether *room* is the id of a connection to *namespace*."""
        connection = self._open.get(room)
        return connection is not None and connection.namespace == namespace


def _shown(error: Exception | None) -> Exception | None:
    """Return *error*; without its traceback, a page of the kernel, if it is a rejection on
    purpose."""
    if isinstance(error, HttpException) and error.status_code < 500:
        return error.with_traceback(None)
    return error


def _is_selected(connection: RecordingConnection, rooms: Rooms, namespace: str) -> bool:
    """As `ConnectionHolder.select`."""
    if connection.namespace != namespace:
        return False
    if rooms is not None and connection.id in rooms:
        return True
    is_in_room = rooms is None or not connection.rooms.isdisjoint(rooms)
    return connection.is_accepted and is_in_room
