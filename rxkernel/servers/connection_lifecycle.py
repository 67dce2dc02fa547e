"""The events of a connection, the same for sockets and for `KernelClient`."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

import attrs

from rxkernel.events.dispatcher import AsyncEventDispatcher
from rxkernel.exceptions import BadRequestException, ForbiddenException, HttpException
from rxkernel.kernel.errors import to_failure
from rxkernel.kernel.kernel import Kernel
from rxkernel.kernel.notifications import notify_listeners
from rxkernel.kernel.scope_exit import close_request_scope
from rxkernel.kernel.scopes import close_connection, current_connection, current_request
from rxkernel.messages.request import Request
from rxkernel.messages.response import Response
from rxkernel.servers.disconnect_reason import DisconnectReason
from rxkernel.servers.events import ConnectionEvent, ServerEvents
from rxkernel.servers.managed_connection import ManagedConnection
from rxkernel.servers.server import Server

logger = logging.getLogger(__name__)


class Encoded(Protocol):
    """A response as a transport sends it."""

    size: int


E = TypeVar("E", bound=Encoded)


@attrs.frozen(eq=False)
class Rejection(Generic[E]):
    """The rejection of a connection: the error, its response, and the encoded response."""

    error: Exception
    response: Response
    encoded: E


class ConnectionLifecycle:
    """Dispatches CONNECTED, ACCEPTED and DISCONNECTED.

    Call its methods in the connection's context, each with a request of its own: its listeners use
    the request scope of that message.

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
        disconnects it, or if *unavailable* is an error. Its services are closed then, with the
        error.

        Args:
            request: also stands for the handshake in the exception and response phases.
            encode: encodes the response of a rejection; may raise if it cannot be encoded.
        """
        current_connection.set(connection)
        current_request.set(None)  # the handshake may have been a message and have set it
        if self._kernel.extract is not None:
            self._kernel.extract(connection.headers)
        try:
            if unavailable is not None:
                raise unavailable
            connection.auth = _checked(auth)
            event = ConnectionEvent(connection, self._server, request=request)
            async with self._kernel.message(request):
                await self._dispatcher.dispatch(ServerEvents.CONNECTED, event)
                if connection.is_rejected:
                    raise ForbiddenException("disconnected before it was connected")
            await close_request_scope(request)
        except BaseException as exc:
            try:
                error = to_failure(exc)
            except BaseException:  # the server stops and has cancelled this task
                try:
                    await close_request_scope(request, exc)
                finally:
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

    @property
    def has_accepted_listeners(self) -> bool:
        return self._dispatcher.has_listeners(ServerEvents.ACCEPTED)

    async def accept(self, connection: ManagedConnection, request: Request) -> None:
        """Dispatch ACCEPTED; an error of a listener is logged."""
        event = ConnectionEvent(connection, self._server, request=request)
        await self._notify(ServerEvents.ACCEPTED, event)

    async def disconnect(
        self, connection: ManagedConnection, request: Request, reason: DisconnectReason
    ) -> None:
        """Dispatch DISCONNECTED after the listeners of ACCEPTED; an error of a listener is
        logged."""
        if connection.accepting is not None:
            await asyncio.wait({connection.accepting})
        event = ConnectionEvent(connection, self._server, reason, request=request)
        await self._notify(ServerEvents.DISCONNECTED, event)

    async def close(self, connection: ManagedConnection) -> None:
        """Close the services of *connection*, after `disconnect` and its last message."""
        await close_connection(connection)

    async def _notify(self, name: ServerEvents, event: ConnectionEvent) -> None:
        current_connection.set(event.connection)
        failure: BaseException | None = None
        logged: Exception | None = None
        try:
            async with self._kernel.message(event.request):
                listeners = self._dispatcher.active_listeners(name)
                logged = await notify_listeners(listeners, name, event)
                if logged is not None:
                    raise logged  # the context managers of the message roll back
        except BaseException as exc:
            failure = exc
            failure = to_failure(exc)
            if failure is not logged:
                logger.error("the request scope of %s failed", name, exc_info=failure)
        finally:
            await close_request_scope(event.request, failure)
            del failure, logged  # their tracebacks refer to this frame


def _checked(auth: Any) -> dict[str, Any] | None:
    """Return *auth*, which a client sent to connect.

    Raises:
        BadRequestException: it is neither an object nor missing.
    """
    if auth is None or isinstance(auth, dict):
        return auth
    raise BadRequestException("auth must be a JSON object")
