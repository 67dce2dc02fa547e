"""Connects the gateway to the events of the application, the kernel and the servers."""

from itertools import chain

from injector import inject

from bundles.gateway.broker.broker import Broker
from bundles.gateway.broker.listeners import needs_no_rule
from bundles.gateway.broker.transport import ACTIONS
from bundles.gateway.sockets.call_event import CallEvent
from bundles.gateway.sockets.call_log import CallLog
from bundles.gateway.sockets.error_body import encodable
from bundles.gateway.sockets.gateway import Gateway
from bundles.gateway.sockets.gateway_actions import GatewayActions
from bundles.gateway.sockets.namespaces import GATEWAY, Namespaces
from rxkernel import (
    Acknowledgement,
    ApplicationEvents,
    BootstrapEvent,
    CompiledEvent,
    ConnectionEvent,
    Definition,
    DefinitionEvent,
    ExceptionEvent,
    HttpException,
    Kernel,
    KernelEvents,
    ReloadEvent,
    Response,
    ServerEvents,
    Transport,
    observe,
)

_FIRST = 2000
"""A priority: before access rules are read."""

_LATE = -100
"""A priority: after other listeners. On ``kernel.exception`` they may replace the exception, on
``server.connected`` they set the token, and at boot they add actions."""


def _is_gateway(definition: Definition) -> bool:
    return GATEWAY in definition.options


def _is_action(definition: Definition) -> bool:
    return definition.transport is ACTIONS


class GatewayListeners:
    @inject
    def __init__(
        self,
        gateway: Gateway,
        namespaces: Namespaces,
        actions: GatewayActions,
        broker: Broker,
        kernel: Kernel,
        log: CallLog,
    ) -> None:
        self._gateway = gateway
        self._namespaces = namespaces
        self._actions = actions
        self._kernel = kernel
        self._log = log
        gateway.broker, gateway.debug, gateway.changes = broker, kernel.debug, namespaces

    @observe(ApplicationEvents.BOOTSTRAP, priority=_LATE)
    async def add_routes(self, event: BootstrapEvent) -> None:
        for action in self._actions.routes():
            event.procedure_metadata_storage.add(action)
        for route in self._namespaces.read():
            event.websocket_metadata_storage.add(route)
        self._namespaces.check(
            chain(event.websocket_metadata_storage, event.procedure_metadata_storage)
        )

    @observe(ApplicationEvents.RELOAD, priority=_LATE)
    async def check_routes(self, event: ReloadEvent) -> None:
        self._namespaces.check(event.routes)

    @observe(KernelEvents.KERNEL_DEFINITION, priority=_FIRST, only=_is_gateway)
    async def mark_as_public(self, event: DefinitionEvent) -> None:
        """Mark the routes of the gateway as routes without an access rule: their actions have
        rules."""
        event.set_option("public", True)

    @observe(KernelEvents.KERNEL_DEFINITION, priority=_FIRST, only=_is_action)
    async def mark_inner_actions(self, event: DefinitionEvent) -> None:
        """Like `mark_as_public`, for actions that no client may call, and for the actions of this
        bundle."""
        definition = event.definition
        if not self._namespaces.is_open(definition.metadata) and needs_no_rule(definition):
            event.set_option("public", True)

    @observe(KernelEvents.KERNEL_COMPILED)
    async def expose_actions(self, event: CompiledEvent) -> None:
        self._namespaces.expose(event.compiled.all)

    @observe(ServerEvents.CONNECTED, priority=_LATE)
    async def check_connection(self, event: ConnectionEvent) -> None:
        """Authorize a client, then run the middlewares of its namespace."""
        connection = event.connection
        rules = self._namespaces.enter(connection)
        if rules is None:
            return
        if rules.is_authorized:
            user = await self._gateway.authorize(connection)
            if user is not None or connection.recovered:  # it keeps the previous user
                self._gateway.save_user(connection, user)
        for middleware in rules.connecting:
            await middleware(connection)
        self._log.connection(connection, "has connected")

    @observe(ServerEvents.DISCONNECTED, priority=_LATE)
    async def log_disconnected(self, event: ConnectionEvent) -> None:
        if self._namespaces.find(event.connection) is not None:
            self._log.connection(event.connection, "has disconnected")

    @observe(KernelEvents.KERNEL_EXCEPTION, priority=_LATE)
    async def shape_error(self, event: ExceptionEvent) -> None:
        """Acknowledge an error in the form of moleculer-io. Clients that are refused, or that
        sent an unknown event, receive the same fields."""
        request, exception = event.request, event.exception
        connection, definition = request.connection, request.definition
        if request.transport is not Transport.SOCKET or connection is None:
            return
        if definition is not None and GATEWAY not in definition.options:
            return
        if self._namespaces.find(connection) is None:
            return
        body = encodable(self._gateway.error_body(exception), self._kernel.serializer)
        status = exception.status_code if isinstance(exception, HttpException) else 500
        target = None if definition is None else definition.metadata.target
        if isinstance(target, CallEvent) and (action := target.action_in(request)) is not None:
            reason = self._namespaces.why_refused(target, action)
            self._log.error(connection, action, body, status, reason)
        else:
            self._log.error(connection, request.url, body, status)
        if definition is None:
            event.set_response(Response(body, status))
        else:
            response = Acknowledgement(body)
            response.status_code = status
            event.set_response(response)
