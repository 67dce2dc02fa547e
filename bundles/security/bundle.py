"""What the bundle adds to an application."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from injector import Binder, Injector, singleton

from bundles.security.commands import security
from bundles.security.credentials.accepted_credentials import AcceptedCredentials
from bundles.security.credentials.authentication import Authentication
from bundles.security.credentials.cross_site import CrossSiteGuard
from bundles.security.credentials.session_reader import SessionReader
from bundles.security.current_user import CurrentUserMarker, CurrentUserResolver
from bundles.security.logins.login_routes import LoginRoutes
from bundles.security.logins.login_services import bind_login_services
from bundles.security.logins.passwords import Passwords
from bundles.security.rules.access import OPTION, Access, Level
from bundles.security.rules.connect_rules import NAMESPACE_OPTION, ConnectRules
from bundles.security.rules.namespace_rules import DeclaredRules, NamespaceRules
from bundles.security.rules.roles import RoleHierarchy
from bundles.security.rules.route_rules import RouteRules
from bundles.security.rules.rules import Rules
from bundles.security.security import Security
from bundles.security.settings import SecuritySettings
from bundles.security.sockets.session_changes import SessionChanges
from bundles.security.sockets.socket_events import SocketEvents
from bundles.security.sockets.socket_identities import SocketIdentities, SocketScope
from bundles.security.sockets.socket_logins import SocketLogins
from bundles.security.tokens.access_tokens import AccessTokens
from bundles.security.tokens.memory_store import MemoryTokenStore
from bundles.security.tokens.store import TokenStore
from bundles.security.user_parameters import UserParameters
from bundles.security.user_tokens import SecurityUserTokens
from bundles.security.users import UserProvider
from bundles.sessions import Sessions, SessionsSettings
from rxkernel import (
    ApplicationEvents,
    BootstrapEvent,
    Bundle,
    ConfigurationError,
    Settings,
    UserTokens,
    connection_scope,
    observe,
)


def _refuse_missing() -> UserProvider[Any]:
    raise ConfigurationError(
        "the bundle 'security' has no UserProvider; write SecurityBundle(Users), where Users is "
        "your subclass of UserProvider, or bind UserProvider in a module of the application"
    )


class SecurityBundle(Bundle):
    """Authentication and access rules: ``SecurityBundle(Accounts)``.

    Args:
        users: the application's `UserProvider`, a class that the injector builds or an instance;
            None: a module of the application binds it.
        access: the rule of routes without a rule; None: each route must have a rule.
        connect: the rules for connecting, by namespace: ``{"/admin": access(roles="admin")}``.
    """

    name = "security"
    after = ("sessions", "redis")
    options = (OPTION, NAMESPACE_OPTION)
    listeners = (
        UserParameters,
        RouteRules,
        ConnectRules,
        SocketIdentities,
        SocketEvents,
        SessionChanges,
        LoginRoutes,
    )
    resolvers = MappingProxyType({CurrentUserMarker: CurrentUserResolver})
    commands = (security,)
    settings_class = SecuritySettings
    provides = (AcceptedCredentials, AccessTokens, Passwords, Security, UserProvider)

    def __init__(
        self,
        users: type[UserProvider[Any]] | UserProvider[Any] | None = None,
        *,
        access: Access | Level | None = None,
        connect: Mapping[str, Access | Level] = MappingProxyType({}),
    ) -> None:
        self._users = users
        self._declared = DeclaredRules(access, connect)

    def configure(self, binder: Binder) -> None:
        users, injector = self._users, binder.injector
        if isinstance(users, type):
            binder.bind(users, scope=singleton)
            binder.bind(UserProvider, to=lambda: injector.get(users), scope=singleton)  # type: ignore[type-abstract]
        elif users is not None:
            binder.bind(UserProvider, to=users)  # type: ignore[type-abstract]
        else:  # a module of the application replaces it
            binder.bind(UserProvider, to=_refuse_missing, scope=singleton)  # type: ignore[type-abstract]
        binder.bind(DeclaredRules, to=self._declared)
        binder.bind(RoleHierarchy, to=RoleHierarchy(injector.get(SecuritySettings).roles))
        for service in (Rules, NamespaceRules, Authentication, CrossSiteGuard, SocketLogins):
            binder.bind(service, scope=singleton)
        bind_login_services(binder)
        binder.bind(SessionReader, to=lambda: self._session_reader(injector), scope=singleton)
        binder.bind(
            AcceptedCredentials,
            to=lambda: AcceptedCredentials.of(
                injector.get(SecuritySettings), injector.get(SessionReader)
            ),
            scope=singleton,
        )
        binder.bind(SocketScope, scope=connection_scope)
        binder.bind(UserTokens, to=SecurityUserTokens, scope=singleton)  # type: ignore[type-abstract]

    @observe(ApplicationEvents.BOOTSTRAP)
    async def check_store(self, event: BootstrapEvent) -> None:
        """Report a store of one process, if there are several workers."""
        store = event.injector.get(TokenStore)  # type: ignore[type-abstract]
        has_workers = event.injector.get(Settings).http.reuse_port
        if has_workers and isinstance(store, MemoryTokenStore):
            event.problems.append(
                'security.tokens.store is "memory", which other workers cannot read; set it to '
                '"sqlite", "redis" or "database"'
            )

    def _session_reader(self, injector: Injector) -> SessionReader:
        if not injector.binder.has_explicit_binding_for(Sessions):
            return SessionReader(None, "")
        return SessionReader(injector.get(Sessions), injector.get(SessionsSettings).cookie)
