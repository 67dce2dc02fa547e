"""The sessions of one message, by database."""

import asyncio
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self

from injector import Injector, Provider
from sqlalchemy.ext.asyncio import AsyncSession

from bundles.resources.database.database import Database
from bundles.resources.database.databases import Databases
from bundles.resources.database.ending import Ending, flush_all
from bundles.resources.database.mode import READONLY, Mode
from bundles.resources.database.modes import Modes
from bundles.resources.database.owned_session import OwnedSession
from bundles.resources.settings import DEFAULT
from rxkernel import Request, RxKernelError, current_request


class MessageSessions:
    """Creates a session at its first use; its first statement takes a connection.

    `commit` is called when the action has returned. Later changes are committed when the message
    ends. An exception rolls back all changes that are not committed.

    Attributes:
        after: the calls to make after the commit.

    Args:
        mode: the mode of the action; None if it has ``@transaction(None)``.
    """

    def __init__(self, databases: Databases, mode: Mode | None, route_name: str | None) -> None:
        self.after = databases.new_after_commit()
        self._ending = Ending(databases.tasks, self.after)
        self._databases = databases
        self._mode = mode
        self._name = route_name
        self._sessions: dict[str, AsyncSession] = {}
        self._task = asyncio.current_task()

    def session(self, name: str = DEFAULT) -> AsyncSession:
        """Return the session for the database *name*, always the same one.

        Raises:
            RxKernelError: the action has ``@transaction(None)``, or the database does not exist.
        """
        session = self._sessions.get(name)
        if session is None:
            if self._mode is None:
                raise RxKernelError(
                    f"{self._name!r} asks for a session of the database, and its action has "
                    f"@transaction(None); remove one of the two"
                )
            session = self._databases.named(name).session_in(self._mode, self.after)
            self._sessions[name] = session
        return session

    def session_of(self, entity: type[Any]) -> AsyncSession:
        """Return the session for the database with the table of *entity*.

        Raises:
            ConfigurationError: no database has its table.
            RxKernelError: see `session`.
        """
        return self.session(self._databases.of(entity).name)

    def holding_lock(self, name: str) -> AsyncSession | None:
        """Return the session that holds the write lock of *name*, a SQLite database, and that only
        the current task can end; otherwise None."""
        session = self._sessions.get(name)
        if session is None or self._mode is None or not self._mode.may_write:
            return None
        own = session.sync_session
        assert isinstance(own, OwnedSession)
        is_held = own.has_connection and asyncio.current_task() is self._task
        return session if is_held else None

    async def flush(self) -> None:
        """Flush the changes to the databases, so that objects have the values that these generate:
        ids and column defaults."""
        await flush_all(self._in_order())

    async def commit(self) -> None:
        """Commit each session, that of the default database last; then make the calls of `after`.

        The databases do not share a transaction: if a commit fails, the earlier ones remain.
        """
        await self._ending.commit([*self._in_order()])

    @property
    def has_committed(self) -> bool:
        """Whether a transaction was committed: by the action itself, or before that of another
        database failed."""
        sessions = (session.sync_session for session in self._sessions.values())
        return any(own.has_committed for own in sessions if isinstance(own, OwnedSession))

    async def roll_back(self) -> None:
        """Roll back each session, and forget its objects and the calls of `after`."""
        self.after.forget()
        for session in self._in_order():
            await session.rollback()
            session.expunge_all()

    def only_read(self) -> None:
        """Begin only read-only transactions from now on, for the source of a stream."""
        self._mode = READONLY
        for name, session in self._sessions.items():
            engine = self._databases[name].engine_in(READONLY)
            session.bind = engine
            session.sync_session.bind = engine.sync_engine

    def _in_order(self) -> Iterator[AsyncSession]:
        for name in sorted(self._sessions, key=DEFAULT.__eq__):
            yield self._sessions[name]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        try:
            if exc is None:
                await self.commit()
        finally:
            await self._ending.close([*self._in_order()])


def sessions_of(request: Request) -> MessageSessions | None:
    """Return the sessions of *request*; None if no session was used yet."""
    services = request.services
    if services is None or MessageSessions not in services:
        return None
    found: MessageSessions = services[MessageSessions]
    return found


def session_with_lock_of(database: Database) -> AsyncSession | None:
    """Return the session of the current message if it holds the write lock of *database*. Another
    session would wait for this lock until its timeout. None for databases without such a lock."""
    request = current_request.get()
    if not database.is_sqlite or request is None:
        return None
    sessions = sessions_of(request)
    return None if sessions is None else sessions.holding_lock(database.name)


class MessageSessionsProvider(Provider[MessageSessions]):
    """Provides the sessions of the current message.

    It is faster than a binding of the class: injector reads the signature of a class each time
        that
    it builds an instance.
    """

    def __init__(self) -> None:
        self._parts: tuple[Databases, Modes] | None = None

    def get(self, injector: Injector) -> MessageSessions:
        if self._parts is None:
            self._parts = injector.get(Databases), injector.get(Modes)
        databases, modes = self._parts
        request = current_request.get()
        assert request is not None, "its scope is that of the message"
        return MessageSessions(databases, modes.of(request.definition), request.route_name)
