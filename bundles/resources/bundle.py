"""The bundle resources."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager
from types import MappingProxyType
from typing import Annotated, Any

from injector import Binder, Injector, inject, singleton
from sqlalchemy import MetaData
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase

from bundles.resources.database.after_commit import AfterCommit
from bundles.resources.database.database import Database
from bundles.resources.database.databases import Databases
from bundles.resources.database.databases_of_tests import settings_in_memory
from bundles.resources.database.listeners import DatabaseListeners
from bundles.resources.database.message_sessions import (
    MessageSessions,
    MessageSessionsProvider,
)
from bundles.resources.database.modes import Modes
from bundles.resources.database.resolvers import (
    AfterCommitMarker,
    AfterCommitResolver,
    Db,
    DbResolver,
)
from bundles.resources.database.transaction import OPTION
from bundles.resources.declarations import Declarations
from bundles.resources.entities.entity import Entity, EntityResolver
from bundles.resources.entities.page import Page, PageResolver, Paging
from bundles.resources.entities.repository import Repository
from bundles.resources.fixtures.commands import fixtures
from bundles.resources.fixtures.fixture import Fixture
from bundles.resources.fixtures.fixture_list import check_fixtures
from bundles.resources.fixtures.fixtures import Fixtures
from bundles.resources.migrations.group import db
from bundles.resources.migrations.pending import PendingRevisions
from bundles.resources.operations.declared_errors import DeclaredErrors
from bundles.resources.operations.listing import FiltersMarker, FiltersResolver
from bundles.resources.operations.own import Row, RowResolver
from bundles.resources.operations.routes import routes_of_resource
from bundles.resources.operations.run import RunMarker, RunResolver
from bundles.resources.operations.watching import WatchListeners
from bundles.resources.settings import DEFAULT, ResourcesSettings
from bundles.resources.stores.bindings import bind_stores
from rxkernel import (
    AsyncEventDispatcher,
    Broadcaster,
    Bundle,
    Inject,
    Marker,
    Resolver,
    RouteMetadata,
    Settings,
    request_scope,
)

_NONE: Mapping[str, type[DeclarativeBase] | MetaData] = MappingProxyType({})


class ResourcesBundle(Bundle):
    """Database sessions, and resources from tables: ``ResourcesBundle(Base)``.

    Args:
        base: the declarative base, or `MetaData` of SQLAlchemy, with the tables of the
            application.
        databases: the bases of further databases, by the names in the settings.
        fixtures: classes whose rows ``rxkernel fixtures load`` adds.

    Raises:
        ConfigurationError: *base* is missing, as when the bundle is enabled as a class; an
            argument has no tables; an item of *fixtures* is not a `Fixture`, or two have the same
            name.
    """

    name = "resources"
    after = ("sessions", "security")
    listeners = (
        DatabaseListeners,
        PendingRevisions,
        DeclaredErrors,
        WatchListeners,
    )
    options = (OPTION,)
    resolvers: Mapping[type[Marker], type[Resolver]] = MappingProxyType(
        {
            Db: DbResolver,
            AfterCommitMarker: AfterCommitResolver,
            FiltersMarker: FiltersResolver,
            Row: RowResolver,
            RunMarker: RunResolver,
            Entity: EntityResolver,
            Paging: PageResolver,
        }
    )
    default_markers: Mapping[type[Any], Marker] = MappingProxyType(
        {
            AsyncSession: Db(),
            AfterCommit: AfterCommitMarker(),
            Page: Paging(),
            Repository: Inject(),
        }
    )
    commands = (db, fixtures)
    settings_class = ResourcesSettings
    provides = (AsyncSession, AfterCommit, Database, Databases, Fixtures)
    test_options = ("database",)

    def __init__(
        self,
        base: type[DeclarativeBase] | MetaData | None = None,
        *,
        databases: Mapping[str, type[DeclarativeBase] | MetaData] = _NONE,
        fixtures: Sequence[type[Fixture]] = (),
    ) -> None:
        check_fixtures(fixtures)
        self._fixtures = tuple(fixtures)
        self.declared = Declarations.of(base, databases)

    def configure(self, binder: Binder) -> None:
        binder.bind(Databases, to=self._databases, scope=singleton)
        binder.bind(Database, to=_default, scope=singleton)
        for fixture in self._fixtures:
            binder.bind(fixture, scope=singleton)
        binder.bind(Fixtures, to=self._all_fixtures, scope=singleton)
        binder.bind(Modes, scope=singleton)
        binder.bind(MessageSessions, to=MessageSessionsProvider(), scope=request_scope)
        binder.bind(AsyncSession, to=_session_of(DEFAULT), scope=request_scope)
        for name in self.declared.bases:
            key = Annotated[AsyncSession, Db(name)]
            binder.bind(key, to=_session_of(name), scope=request_scope)
        binder.bind(AfterCommit, to=_after_commit, scope=request_scope)
        bind_stores(binder)

    def routes_of(self, controller: Any) -> Iterable[RouteMetadata]:
        return routes_of_resource(controller)

    @classmethod
    def settings_for_test(cls, settings: Any, options: Mapping[str, Any], undo: ExitStack) -> Any:
        """Replace all databases by new SQLite databases until the test ends, for the option
        ``database="memory"``.

        Raises:
            ValueError: the option has another value.
        """
        return settings_in_memory(settings, options["database"], undo)

    @inject
    def _databases(
        self,
        own: ResourcesSettings,
        settings: Settings,
        broadcaster: Broadcaster,
        dispatcher: AsyncEventDispatcher,
    ) -> Databases:
        bases = self.declared.for_sections(settings.bundles).bases
        return Databases(own, bases, lambda: AfterCommit(broadcaster, dispatcher))

    @inject
    def _all_fixtures(self, databases: Databases, injector: Injector) -> Fixtures:
        return Fixtures(databases, map(injector.get, self._fixtures))


@inject
def _default(databases: Databases) -> Database:
    return databases.default


def _session_of(name: str) -> Any:
    @asynccontextmanager
    @inject
    async def session(sessions: MessageSessions) -> AsyncIterator[AsyncSession]:
        yield sessions.session(name)  # closed with *sessions*

    return session


@inject
def _after_commit(sessions: MessageSessions) -> AfterCommit:
    return sessions.after
