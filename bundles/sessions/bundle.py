"""What the bundle adds to an application."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from injector import Binder, inject, singleton

from bundles.clock import Clock
from bundles.redis_backend import redis_backend
from bundles.sessions.credentials import Credentials
from bundles.sessions.listeners import SessionListeners
from bundles.sessions.memory_store import MemorySessionStore
from bundles.sessions.resolver import SessionMarker, SessionResolver
from bundles.sessions.session_secrets import SessionSecrets
from bundles.sessions.sessions import Sessions
from bundles.sessions.settings import SessionsSettings
from bundles.sessions.sockets import Sockets, SocketSession
from bundles.sessions.sqlite_store import SqliteSessionStore
from bundles.sessions.store import SessionStore
from bundles.sessions.sweeper import Sweeper
from rxkernel import (
    ApplicationEvents,
    BootstrapEvent,
    Bundle,
    ConfigurationError,
    Marker,
    Resolver,
    Settings,
    connection_scope,
    observe,
)


class SessionsBundle(Bundle):
    """Server-side sessions of HTTP clients and sockets."""

    name = "sessions"
    after = ("redis",)
    listeners = (SessionListeners,)
    resolvers: Mapping[type[Marker], type[Resolver]] = MappingProxyType(
        {SessionMarker: SessionResolver}
    )
    settings_class = SessionsSettings
    provides = (SessionSecrets, SessionStore, Sessions)

    @inject
    def __init__(self, settings: SessionsSettings, application: Settings) -> None:
        self._settings = settings
        self._has_workers = application.http.reuse_port

    def configure(self, binder: Binder) -> None:
        binder.bind(Clock, scope=singleton)
        binder.bind(Credentials, scope=singleton)
        binder.bind(Sockets, scope=singleton)
        binder.bind(SocketSession, scope=connection_scope)
        binder.bind(SessionStore, to=self._store(binder), scope=singleton)  # type: ignore[type-abstract]
        binder.bind(Sessions, scope=singleton)
        binder.bind(SessionSecrets, scope=singleton)
        binder.bind(Sweeper, scope=singleton)

    @observe(ApplicationEvents.BOOTSTRAP)
    async def check_store(self, event: BootstrapEvent) -> None:
        """Report a store of one process, if there are several workers."""
        store = event.injector.get(SessionStore)  # type: ignore[type-abstract]
        if self._has_workers and isinstance(store, MemorySessionStore):
            event.problems.append(
                'sessions.store is "memory", which other workers cannot read; set it to '
                '"sqlite", "redis" or "database"'
            )

    def _store(self, binder: Binder) -> type[SessionStore] | Callable[[], SessionStore]:
        match self._settings.store:
            case "memory":
                return MemorySessionStore
            case "sqlite":
                return SqliteSessionStore
            case "redis":
                place = "bundles.sessions.redis_store:RedisSessionStore"
                store: type[SessionStore] = redis_backend(
                    binder, "sessions.store", '["redis", "sessions"]', place
                )
                return store
            case "database":
                return _without_database  # the bundle resources replaces it


def _without_database() -> SessionStore:
    raise ConfigurationError(
        "sessions.store is \"database\", and the bundle 'resources' is not enabled; write "
        'Application(bundles=[ResourcesBundle(Base), "sessions"])'
    )
