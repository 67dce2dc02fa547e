"""One database: its engine, and the sessions that use it."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import attrs
from sqlalchemy import MetaData, Table
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlalchemy.pool import QueuePool

from bundles.resources.database import sqlite
from bundles.resources.database.after_commit import AfterCommit
from bundles.resources.database.ending import Ending
from bundles.resources.database.engines import new_engine, options_of
from bundles.resources.database.last_tasks import LastTasks
from bundles.resources.database.mode import WRITES, Isolation, Mode
from bundles.resources.database.owned_session import OwnedSession
from bundles.resources.database.tables import Base, metadata_of
from bundles.resources.database.unit import UnitOfWork
from bundles.resources.database.watching import Watcher
from bundles.resources.settings import DatabaseSettings, url_setting_of
from rxkernel import ConfigurationError

_BESIDE = 5
"""The maximum number of connections of `Database.engine_beside`."""


NewAfterCommit = Callable[[], AfterCommit]
"""Returns a new `AfterCommit` for a unit of work."""


class Database:
    """A database of the application, opened at boot.

    If a server cannot be reached, boot does not fail: messages that use the database get a 503
    until it can be reached.

    Attributes:
        name: ``default``, or the name of its table in ``[resources.databases]``.
        setting: the name of the setting with its URL.
        engine: the engine of SQLAlchemy, if a session is not sufficient.
        bases: the declarative bases, or `MetaData`, with its tables.

    Raises:
        ConfigurationError: the driver is not installed, or the URL cannot be used.
    """

    def __init__(
        self,
        name: str,
        settings: DatabaseSettings,
        bases: Sequence[Base],
        new_after_commit: NewAfterCommit,
        tasks: LastTasks,
    ) -> None:
        self.name = name
        self.setting = url_setting_of(name)
        self.bases = tuple(bases)
        self.engine = new_engine(settings, self.setting)
        self.watcher = Watcher(name, settings.slow_statement)
        self.watcher.watch(self.engine.sync_engine)
        self._settings = settings
        self._new_after_commit = new_after_commit
        self._tasks = tasks
        self._engines: dict[Mode, AsyncEngine] = {}
        self._beside: AsyncEngine | None = None

    @property
    def metadatas(self) -> list[MetaData]:
        """The `MetaData` of `bases`."""
        return [metadata_of(base) for base in self.bases]

    @property
    def tables(self) -> list[Table]:
        """The tables of `bases`."""
        return [table for metadata in self.metadatas for table in metadata.tables.values()]

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    @property
    def is_busy(self) -> bool:
        """Whether all connections of the pool are in use."""
        pool = self.engine.pool
        assert isinstance(pool, QueuePool)
        return pool.checkedout() >= pool.size()

    def session(
        self, *, readonly: bool = False, isolation: Isolation | None = None
    ) -> AsyncSession:
        """Return a new session, which the caller must close: ``async with database.session() as
        session``.

        Its first statement begins a transaction. Objects keep their values after a commit.
        """
        return self.session_in(Mode.of(readonly=readonly, isolation=isolation))

    @asynccontextmanager
    async def unit_of_work(
        self, *, readonly: bool = False, isolation: Isolation | None = None
    ) -> AsyncIterator[UnitOfWork]:
        """Begin a separate transaction. It is committed at the end of the block, or rolled back if
        the block raises."""
        after = self._new_after_commit()
        session = self.session_in(Mode.of(readonly=readonly, isolation=isolation), after)
        ending = Ending(self._tasks, after)
        try:
            yield UnitOfWork(session, after)
            await ending.commit([session])
        finally:
            await ending.close([session])

    def session_in(self, mode: Mode, after: AfterCommit | None = None) -> AsyncSession:
        """Return a session with transactions of *mode*; a rollback drops the calls of *after*."""
        return AsyncSession(
            self.engine_in(mode),
            sync_session_class=OwnedSession,
            expire_on_commit=False,
            after=after,
        )

    def engine_in(self, mode: Mode) -> AsyncEngine:
        """Return `engine` with the options of *mode*, and with the same pool."""
        engine = self._engines.get(mode)
        if engine is None:
            options = options_of(self.engine, mode)
            engine = self._engines[mode] = self.engine.execution_options(**options)
        return engine

    def engine_beside(self, mode: Mode) -> AsyncEngine:
        """Return the same as `engine_in`, with a separate pool for short transactions of messages
        that may already hold a connection. With one pool, all messages could wait for a second
        connection forever."""
        if self._beside is None:
            size = min(_BESIDE, self._settings.pool_size)
            own = attrs.evolve(self._settings, pool_size=size)
            self._beside = new_engine(own, self.setting)
            self.watcher.watch(self._beside.sync_engine)
        return self._beside.execution_options(**options_of(self._beside, mode))

    async def open(self) -> None:
        """Create the file of SQLite, with mode 600, and its tables. Do not connect to a server.

        Raises:
            ConfigurationError: the file cannot be written.
        """
        if not self.is_sqlite:
            return
        file = sqlite.file_of(self.engine.url, self.setting)
        try:
            await asyncio.to_thread(sqlite.create, file, self._settings.busy_timeout)
            if self._settings.create_tables:
                await self.create_tables()
            else:
                async with self.engine_in(WRITES).connect():
                    pass
        except (OSError, sqlite3.Error, DBAPIError) as exc:
            reason = exc.orig if isinstance(exc, DBAPIError) else exc
            raise ConfigurationError(
                f"{self.setting} names the file {file}, which cannot be opened: {reason}; correct "
                f"the path, or allow this process to write there"
            ) from exc

    async def create_tables(self) -> None:
        """Create the missing tables of `bases`; existing ones are not changed."""
        async with self.engine_in(WRITES).begin() as connection:
            for metadata in self.metadatas:
                await connection.run_sync(metadata.create_all)

    async def close(self) -> None:
        """Close all connections."""
        await self.engine.dispose()
        if self._beside is not None:
            await self._beside.dispose()
