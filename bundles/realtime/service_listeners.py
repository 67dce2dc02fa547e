"""Runs the middlewares, hooks and errors of services in listeners of the kernel."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from injector import inject

from bundles.realtime.error_body import error_body
from bundles.realtime.event import EVENT
from bundles.realtime.middlewares import Middlewares, before, overriding
from bundles.realtime.service import Service
from bundles.realtime.service_table import ServedNamespace, ServiceTable
from bundles.realtime.settings import RealtimeSettings
from rxkernel import (
    DOCUMENTATION,
    CompiledEvent,
    ConfigurationError,
    Connection,
    ConnectionEvent,
    Definition,
    DefinitionEvent,
    Documentation,
    ExceptionEvent,
    Kernel,
    KernelEvents,
    Request,
    Response,
    ServerEvents,
    ServiceUnavailableException,
    Transport,
    observe,
)

logger = logging.getLogger(__name__)

_LATE = -100
"""The priority after other listeners: those of ``kernel.exception`` may replace the exception, and
those of ``server.connected`` may set the token."""

_OUTSIDE = -200
"""The priority in ``kernel.definition``: middlewares run before contracts check the arguments."""

_EARLY = 2000
"""The priority in ``kernel.definition``: before access rules are read."""


def _is_error_only(definition: Definition) -> bool:
    """Whether *definition* only raises the error for unknown events."""
    owner, action = definition.metadata.owner, definition.metadata.action
    inherited = Service.unknown_event
    return isinstance(action, str) and getattr(owner, action, None) is inherited


class ServiceListeners:
    @inject
    def __init__(
        self,
        table: ServiceTable,
        middlewares: Middlewares,
        kernel: Kernel,
        settings: RealtimeSettings,
    ) -> None:
        self._table = table
        self._middlewares = middlewares
        self._kernel = kernel
        self._timeout = settings.connect_timeout

    @observe(KernelEvents.KERNEL_DEFINITION, priority=_EARLY, only=_is_error_only)
    async def mark(self, event: DefinitionEvent) -> None:
        """Set the option of routes without an access rule, also if the class has such a rule; and
        omit the route from the documentation."""
        event.set_option("public", True)
        event.set_option(DOCUMENTATION, Documentation(is_listed=False))

    @observe(KernelEvents.KERNEL_DEFINITION, priority=_OUTSIDE)
    async def add_middlewares(self, event: DefinitionEvent) -> None:
        """Run the middlewares of a service before its actions."""
        definition, service = event.definition, event.controller
        if not isinstance(service, Service):
            if EVENT in definition.options:
                raise ConfigurationError(
                    f"{definition.metadata.place} has @event, but is not a method of a Service; "
                    f"derive the class from Service, or write @websocket"
                )
            return
        owner = f"the service {type(service).__qualname__}"
        chain = self._middlewares.of(service.middlewares, owner, ("connect", "event"))
        connecting = overriding(chain, "connect")
        self._table.add(definition, ServedNamespace(service, connecting))
        is_event = definition.transport is Transport.SOCKET
        calls = overriding(chain, "event" if is_event else "http")
        if is_event and connecting:
            calls = (_adopt_token, *calls)
        if calls:
            event.wrap(before(calls))

    @observe(KernelEvents.KERNEL_COMPILED)
    async def keep_services(self, event: CompiledEvent) -> None:
        self._table.compiled(event.compiled)

    @observe(ServerEvents.CONNECTED, priority=_LATE)
    async def check_connection(self, event: ConnectionEvent) -> None:
        """Run the middlewares of the namespace; an exception refuses the client."""
        served = self._table.find(event.connection)
        if served is not None and served.connecting:
            await self._run(served.connecting, event.connection)

    async def _run(
        self, calls: tuple[Callable[[Connection], Awaitable[object]], ...], connection: Connection
    ) -> None:
        call = calls[0]
        try:
            async with asyncio.timeout(self._timeout) as deadline:
                for call in calls:
                    result = await call(connection)
                    if result is not None:
                        raise TypeError(
                            f"{getattr(call, '__qualname__', call)} returned {result!r:.100}; "
                            f"raise an exception to refuse a client"
                        )
        except TimeoutError as exc:
            if not deadline.expired():
                raise
            logger.error(
                "%s has not accepted a connection to %s within %g s",
                getattr(call, "__qualname__", call),
                connection.namespace,
                self._timeout,
            )
            raise ServiceUnavailableException("the connection was not accepted in time") from exc

    @observe(ServerEvents.ACCEPTED, priority=_LATE)
    async def call_connect(self, event: ConnectionEvent) -> None:
        if (served := self._table.find(event.connection)) is not None:
            await served.service.connect(event.connection)

    @observe(ServerEvents.DISCONNECTED, priority=_LATE)
    async def call_disconnect(self, event: ConnectionEvent) -> None:
        """Call both methods of the service, the second one even if the first one raises."""
        served, reason = self._table.find(event.connection), event.reason
        if served is None or reason is None:
            return
        try:
            await served.service.disconnecting(event.connection, reason)
        finally:
            await served.service.disconnect(event.connection, reason)

    @observe(KernelEvents.KERNEL_EXCEPTION, priority=_LATE)
    async def shape_error(self, event: ExceptionEvent) -> None:
        """Set the body of an error of a service. If the client expects no acknowledgement, send it
        as the event ``error``."""
        request = event.request
        connection, definition = request.connection, request.definition
        if definition is not None and EVENT not in definition.options:
            return
        if request.transport is not Transport.SOCKET or connection is None:
            return
        if self._table.find(connection) is None:
            return
        kernel = self._kernel
        response = error_body(event.exception, debug=kernel.debug, serializer=kernel.serializer)
        event.set_response(response)
        if not request.expects_response:
            await self._send_error(connection, response)

    async def _send_error(self, connection: Connection, response: Response) -> None:
        """Send the event ``error``. If its data cannot be encoded, send that of an unexpected
        error."""
        try:
            await connection.emit("error", response.content)
        except (TypeError, ValueError, RecursionError) as exc:
            logger.exception("the error of an event in %s cannot be encoded", connection.namespace)
            kernel = self._kernel
            body = error_body(exc, debug=kernel.debug, serializer=kernel.serializer)
            await connection.emit("error", body.content)


async def _adopt_token(request: Request) -> None:
    """Use the token of the connection, which a middleware may have set, for its events too."""
    if request.token is None and request.connection is not None:
        request.token = request.connection.token
