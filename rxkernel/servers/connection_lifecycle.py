"""CONNECTED and DISCONNECTED of a connection, the same for sockets and for `KernelClient`."""

from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

import attrs

from rxkernel.events.dispatcher import AsyncEventDispatcher
from rxkernel.exceptions import BadRequestException, ForbiddenException, HttpException
from rxkernel.kernel.errors import to_failure
from rxkernel.kernel.kernel import Kernel
from rxkernel.kernel.notifications import notify
from rxkernel.kernel.scopes import close_connection, current_connection
from rxkernel.messages.request import Request
from rxkernel.messages.response import Response
from rxkernel.servers.disconnect_reason import DisconnectReason
from rxkernel.servers.events import ConnectionEvent, ServerEvents
from rxkernel.servers.managed_connection import ManagedConnection
from rxkernel.servers.server import Server


class Encoded(Protocol):
    """A response in the form in which a transport sends it."""

    size: int


E = TypeVar("E", bound=Encoded)


@attrs.frozen(eq=False)
class Rejection(Generic[E]):
    """Why a connection was not accepted: the error, its response, and that response encoded."""

    error: Exception
    response: Response
    encoded: E


class ConnectionLifecycle:
    """Dispatches CONNECTED and DISCONNECTED. Call both methods in the connection's context.

    Args:
        server: the ``server`` of the events; None for a test client.
    """

    def __init__(
        self, kernel: Kernel, dispatcher: AsyncEventDispatcher, server: Server | None
    ) -> None:
        self._kernel = kernel
        self._dispatcher = dispatcher
        self._server = server

    async def connect(
        self,
        connection: ManagedConnection,
        request: Request,
        auth: Any,
        encode: Callable[[Response], E],
        unavailable: HttpException | None = None,
    ) -> Rejection[E] | None:
        """Dispatch CONNECTED and return None, or the rejection of *connection*.

        The connection is rejected if *auth* is not an object, if a listener raises or
        disconnects it, and for *unavailable*. Its services are closed then, with the error.

        Args:
            request: stands for the handshake in the exception and response phases.
            encode: encodes the response of a rejection; may raise if it cannot be encoded.
        """
        current_connection.set(connection)
        if self._kernel.extract is not None:
            self._kernel.extract(connection.headers)
        try:
            if unavailable is not None:
                raise unavailable
            connection.auth = _checked(auth)
            event = ConnectionEvent(connection, self._server)
            await self._dispatcher.dispatch(ServerEvents.CONNECTED, event)
            if connection.is_rejected:
                raise ForbiddenException("disconnected before it was connected")
        except BaseException as exc:
            try:
                error = to_failure(exc)
            except BaseException:  # this task was cancelled, by a server that stops
                await close_connection(connection, exc)
                raise
            try:
                return await self._reject(request, error, encode)
            finally:
                await close_connection(connection, error)
                del error  # its traceback refers to this frame
        return None

    async def _reject(
        self, request: Request, error: Exception, encode: Callable[[Response], E]
    ) -> Rejection[E]:
        response: Response | None = None
        size: int | None = None
        try:
            response = await self._kernel.fail(request, error)
            response, encoded = await self._kernel.encoded(request, response, encode)
            size = encoded.size
        finally:
            self._kernel.terminate(request, response, size=size)
        return Rejection(error, response, encoded)

    async def disconnect(self, connection: ManagedConnection, reason: DisconnectReason) -> None:
        """Dispatch DISCONNECTED; every listener is called, and their errors are logged."""
        current_connection.set(connection)
        event = ConnectionEvent(connection, self._server, reason)
        await notify(self._dispatcher, ServerEvents.DISCONNECTED, event)


def _checked(auth: Any) -> dict[str, Any] | None:
    """Return *auth*, which a client sent to connect.

    Raises:
        BadRequestException: it is neither an object nor missing.
    """
    if auth is None or isinstance(auth, dict):
        return auth
    raise BadRequestException("auth must be a JSON object")
