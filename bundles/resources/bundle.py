"""What the bundle adds to an application."""

from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack, asynccontextmanager
from types import MappingProxyType
from typing import Any

from injector import Binder, inject, singleton
from sqlalchemy.ext.asyncio import AsyncSession

from bundles.resources.database.after_commit import AfterCommit
from bundles.resources.database.database import DEFAULT, Database
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
from bundles.resources.database.tables import Base
from bundles.resources.database.transaction import OPTION
from bundles.resources.settings import ResourcesSettings
from rxkernel import AsyncEventDispatcher, Broadcaster, Bundle, Marker, Resolver, request_scope

_NONE: Mapping[str, Base] = MappingProxyType({})


class ResourcesBundle(Bundle):
    """Database sessions, and resources made of tables: ``ResourcesBundle(Base)``.

    Args:
        base: the declarative base of the application, whose tables are those of its database; or
            a `MetaData` of SQLAlchemy.
        databases: the bases of further databases, by the names in the settings.
    """

    name = "resources"
    after = ("sessions", "security")
    listeners = (DatabaseListeners,)
    options = (OPTION,)
    resolvers: Mapping[type[Marker], type[Resolver]] = MappingProxyType(
        {Db: DbResolver, AfterCommitMarker: AfterCommitResolver}
    )
    default_markers: Mapping[type[Any], Marker] = MappingProxyType(
        {AsyncSession: Db(), AfterCommit: AfterCommitMarker()}
    )
    settings_class = ResourcesSettings
    provides = (AsyncSession, AfterCommit, Database, Databases)
    test_options = ("database",)

    def __init__(
        self,
        base: Base,
        *,
        databases: Mapping[str, Base] = _NONE,
    ) -> None:
        self._bases = {DEFAULT: base, **databases}

    def configure(self, binder: Binder) -> None:
        binder.bind(Databases, to=self._databases, scope=singleton)
        binder.bind(Database, to=_default, scope=singleton)
        binder.bind(Modes, scope=singleton)
        binder.bind(MessageSessions, to=MessageSessionsProvider(), scope=request_scope)
        binder.bind(AsyncSession, to=_session, scope=request_scope)  # type: ignore[arg-type]
        binder.bind(AfterCommit, to=_after_commit, scope=request_scope)

    @classmethod
    def settings_for_test(cls, settings: Any, options: Mapping[str, Any], undo: ExitStack) -> Any:
        """``database="memory"``: new SQLite databases in place of all, until the test ends.

        Raises:
            ValueError: another value.
        """
        return settings_in_memory(settings, options["database"], undo)

    @inject
    def _databases(
        self,
        settings: ResourcesSettings,
        broadcaster: Broadcaster,
        dispatcher: AsyncEventDispatcher,
    ) -> Databases:
        bases = {name: (base,) for name, base in self._bases.items()}
        return Databases(settings, bases, lambda: AfterCommit(broadcaster, dispatcher))


@inject
def _default(databases: Databases) -> Database:
    return databases.default


@asynccontextmanager
@inject
async def _session(sessions: MessageSessions) -> AsyncIterator[AsyncSession]:
    yield sessions.session()  # closed with *sessions*


@inject
def _after_commit(sessions: MessageSessions) -> AfterCommit:
    return sessions.after
