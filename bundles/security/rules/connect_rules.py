"""Authenticates clients that connect, and enforces the rules of namespaces."""

from injector import inject

from bundles.security.credentials.authentication import Authentication
from bundles.security.exceptions import BadCredentials
from bundles.security.rules.namespace_rules import NamespaceRules
from bundles.security.rules.route_rules import PRIORITY
from bundles.security.sockets.socket_identities import SocketIdentities
from bundles.security.sockets.user_rooms import follow_identity
from bundles.security.token import ANONYMOUS
from rxkernel import (
    BundleOption,
    CompiledEvent,
    ConfigurationError,
    Connection,
    ConnectionEvent,
    DefinitionEvent,
    KernelEvents,
    Request,
    ServerEvents,
    Settings,
    WebSocketDefinition,
    observe,
)

NAMESPACE_OPTION = BundleOption("access.connect", "security", "SecurityBundle(…)")
"""The key of the option with the rule of the namespace of an event, for `rxkernel routes`."""


class ConnectRules:
    """A namespace without a rule accepts clients without a credential, but refuses an invalid one:
    the client would believe that it is logged in. With the rule ``"public"`` an invalid credential
    is ignored.
    """

    @inject
    def __init__(
        self,
        rules: NamespaceRules,
        authentication: Authentication,
        sockets: SocketIdentities,
        settings: Settings,
    ) -> None:
        if rules.errors:
            raise ConfigurationError.merge(rules.errors)
        self._namespaces = {"/", *settings.socketio.namespaces}
        self._is_checked = False
        self._rules = rules
        self._authentication = authentication
        self._sockets = sockets

    @observe(KernelEvents.KERNEL_DEFINITION, priority=1000)
    async def show_rule(self, event: DefinitionEvent) -> None:
        """Set the rule of the namespace of an event as an option, so that it is listed."""
        definition = event.definition
        if NAMESPACE_OPTION in definition.options:
            raise ConfigurationError(
                f"route {definition.metadata.key!r} ({definition.metadata.place}) has the option "
                f"{str(NAMESPACE_OPTION)!r}, which shows the rule of its namespace; remove it, "
                f"and write SecurityBundle(connect={{…}})"
            )
        if isinstance(definition, WebSocketDefinition):
            rule = self._rules.by_namespace.get(definition.namespace)
            if rule is not None:
                event.set_option(NAMESPACE_OPTION, rule)

    @observe(KernelEvents.KERNEL_COMPILED)
    async def check_namespaces(self, event: CompiledEvent) -> None:
        """Report rules for namespaces to which clients cannot connect. Only at boot: a reload may
        remove a namespace, and a later one may add it again."""
        if self._is_checked:
            return
        self._is_checked = True
        served = self._namespaces | {
            definition.namespace
            for definition in event.compiled.all
            if isinstance(definition, WebSocketDefinition)
        }
        unknown = [namespace for namespace in self._rules.by_namespace if namespace not in served]
        if unknown:
            raise ConfigurationError(
                *(
                    f"SecurityBundle(connect=…) has a rule for the namespace {namespace!r}, which "
                    f"is not served; it must be one of {', '.join(map(repr, sorted(served)))}"
                    for namespace in unknown
                )
            )

    @observe(ServerEvents.CONNECTED, priority=PRIORITY)
    async def connect(self, event: ConnectionEvent) -> None:
        """Set the identity of the connection, and refuse it if the rule does not allow it."""
        connection = event.connection
        rule = self._rules.find(connection)
        if connection.token is None:
            try:
                await self._identify(connection, event.request)
            except BadCredentials:
                if rule is None or rule.level != "public":
                    raise
                connection.token = ANONYMOUS
        event.request.token = connection.token
        await self._rules.check(connection, event.request.token, event.request)
        await follow_identity(connection)  # another listener may have set the token

    async def _identify(self, connection: Connection, request: Request) -> None:
        revocations = self._sockets.revocations
        token, verify = await self._authentication.of_handshake(connection, request)
        if verify is None:
            connection.token = token
        else:
            await self._sockets.attach(request, token, verify, revocations)
