"""Binds the services that make tokens and log users in."""

from collections.abc import Callable, Sequence

from injector import Binder, singleton

from bundles.redis_backend import redis_backend
from bundles.security.credentials.cross_site import CrossSiteGuard
from bundles.security.credentials.session_logins import SessionLogins
from bundles.security.credentials.verifiers import PasswordVerifier, TokenVerifier
from bundles.security.logins.login_routes import LoginController
from bundles.security.logins.passwords import Passwords
from bundles.security.logins.throttling import Throttling
from bundles.security.security import Security
from bundles.security.settings import SecuritySettings
from bundles.security.tokens.access_tokens import AccessTokens
from bundles.security.tokens.memory_store import MemoryTokenStore
from bundles.security.tokens.refresh_tokens import RefreshTokens
from bundles.security.tokens.revocation import Revocation
from bundles.security.tokens.sqlite_store import SqliteTokenStore
from bundles.security.tokens.store import TokenStore
from bundles.sessions import Sessions
from rxkernel import ConfigurationError

_SERVICES: Sequence[type] = (
    AccessTokens,
    LoginController,
    Passwords,
    RefreshTokens,
    Revocation,
    Security,
    Throttling,
)


def bind_login_services(binder: Binder) -> None:
    injector = binder.injector
    for service in _SERVICES:
        binder.bind(service, scope=singleton)
    binder.bind(TokenStore, to=_store(binder), scope=singleton)  # type: ignore[type-abstract]
    binder.bind(TokenVerifier, to=lambda: injector.get(AccessTokens), scope=singleton)  # type: ignore[type-abstract]
    binder.bind(PasswordVerifier, to=lambda: injector.get(Security), scope=singleton)  # type: ignore[type-abstract]

    def session_logins() -> SessionLogins:
        has_sessions = binder.has_explicit_binding_for(Sessions)
        sessions = injector.get(Sessions) if has_sessions else None
        return SessionLogins(sessions, injector.get(CrossSiteGuard))

    binder.bind(SessionLogins, to=session_logins, scope=singleton)


def _store(binder: Binder) -> type[TokenStore] | Callable[[], TokenStore]:
    store = binder.injector.get(SecuritySettings).tokens.store
    if store == "sqlite":
        return SqliteTokenStore
    if store == "redis":
        place = "bundles.security.tokens.redis_store:RedisTokenStore"
        found: type[TokenStore] = redis_backend(
            binder, "security.tokens.store", '["redis", …]', place
        )
        return found
    if store == "database":
        return _without_database  # the bundle resources replaces it
    return MemoryTokenStore


def _without_database() -> TokenStore:
    raise ConfigurationError(
        "security.tokens.store is \"database\", and the bundle 'resources' is not enabled; write "
        "Application(bundles=[ResourcesBundle(Base), …])"
    )
