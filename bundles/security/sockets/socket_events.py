"""The events with which a client changes the identity of its socket."""

from collections.abc import Iterable, Iterator

from injector import inject

from bundles.security.events import SecurityEvents, SocketAuthenticationEvent
from bundles.security.rules.access import access
from bundles.security.rules.namespace_rules import NamespaceRules
from bundles.security.settings import SecuritySettings
from bundles.security.sockets.socket_identities import SocketIdentities, SocketScope
from bundles.security.sockets.socket_logins import SocketLogins
from bundles.security.token import ANONYMOUS
from rxkernel import (
    ApplicationEvents,
    AsyncEventDispatcher,
    BootstrapEvent,
    ConflictException,
    Connection,
    ForbiddenException,
    ReloadEvent,
    Request,
    RouteMetadata,
    WebSocketMetadata,
    observe,
    options_of,
)

AUTHENTICATE = "security_authenticate"
UNAUTHENTICATE = "security_unauthenticate"


class SocketEvents:
    """``security_authenticate`` and ``security_unauthenticate``, in each namespace with events."""

    @inject
    def __init__(
        self,
        rules: NamespaceRules,
        logins: SocketLogins,
        sockets: SocketIdentities,
        dispatcher: AsyncEventDispatcher,
        settings: SecuritySettings,
    ) -> None:
        self._rules = rules
        self._logins = logins
        self._sockets = sockets
        self._dispatcher = dispatcher
        self._is_enabled = settings.socket_events

    @observe(ApplicationEvents.BOOTSTRAP, priority=-1000)
    async def add(self, event: BootstrapEvent) -> None:
        """Add both events, after all other routes were added."""
        if self._is_enabled:
            storage = event.websocket_metadata_storage
            for namespace in self._namespaces(storage):
                for route in self._events(namespace):
                    storage.add(route)

    @observe(ApplicationEvents.RELOAD, priority=-1000)
    async def follow(self, event: ReloadEvent) -> None:
        """Add both events to new namespaces, and remove them from namespaces without other
        events."""
        if not self._is_enabled:
            return
        namespaces = self._namespaces(event.routes)
        served: set[str] = set()
        for route in tuple(event.routes):
            if route.target is self and isinstance(route, WebSocketMetadata):
                served.add(route.namespace)
                if route.namespace not in namespaces:
                    event.routes.remove(route)
        for namespace in namespaces:
            if namespace not in served:
                event.routes.extend(self._events(namespace))

    def _namespaces(self, routes: Iterable[RouteMetadata]) -> list[str]:
        others = (r for r in routes if isinstance(r, WebSocketMetadata) and r.target is not self)
        return list(dict.fromkeys(("/", *(route.namespace for route in others))))

    def _events(self, namespace: str) -> Iterator[WebSocketMetadata]:
        for name, action in ((AUTHENTICATE, "authenticate"), (UNAUTHENTICATE, "drop")):
            options = options_of(getattr(self, action))
            yield WebSocketMetadata(self, name, namespace, action, options, status_code=204)

    @access("public")
    async def authenticate(self, bearer: str, request: Request, connection: Connection) -> None:
        """Set the identity of the socket by an access token, or renew it before the token expires.

        If the token is not valid, the socket keeps its identity. These events of one socket run in
        the order of their arrival, one after the other.

        Raises:
            UnauthorizedException: the token is not valid.
            ForbiddenException: its user may not be connected to the namespace.
            ConflictException: the socket belongs to another user.
        """
        await self._logins.with_token(bearer, request, connection)

    @access("public")
    async def drop(self, request: Request, connection: Connection) -> None:
        """Make the socket anonymous.

        Raises:
            ForbiddenException: it is anonymous.
            ConflictException: only users may be connected to the namespace.
        """
        async with (await request.get(SocketScope)).changing:
            await self._drop(request, connection)

    async def _drop(self, request: Request, connection: Connection) -> None:
        token = connection.token
        if not token.is_authenticated:
            raise ForbiddenException
        if self._rules.is_guarded(connection):
            raise ConflictException("this namespace is for users only; disconnect instead")
        event = SocketAuthenticationEvent(connection, token)
        await self._dispatcher.dispatch(SecurityEvents.SOCKET_UNAUTHENTICATION_SUCCESS, event)
        await self._sockets.detach(connection)
        request.token = ANONYMOUS
