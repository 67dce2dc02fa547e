"""Sessions in a SQLite file, which the processes of one machine share."""

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from injector import inject

from bundles.sessions.exceptions import (
    SessionsUnavailableException,
    SessionTooLargeException,
    TooManySessionsException,
)
from bundles.sessions.model import Changes, EndedSession, Rotation, StoredSession
from bundles.sessions.settings import SessionsSettings
from bundles.sessions.store import SessionStore
from rxkernel import ConfigurationError

logger = logging.getLogger(__name__)

T = TypeVar("T")

_BUSY = 2.0
"""Seconds to wait for a lock of another process."""

_TIMEOUT = 5.0
"""Seconds within which a call must end, with its wait for earlier calls of this process."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS session (
    key TEXT PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    user TEXT,
    address TEXT NOT NULL,
    created REAL NOT NULL,
    used REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS session_user ON session (user) WHERE user IS NOT NULL;
CREATE INDEX IF NOT EXISTS session_address ON session (address);
CREATE INDEX IF NOT EXISTS session_used ON session (used);
CREATE INDEX IF NOT EXISTS session_created ON session (created);
CREATE TABLE IF NOT EXISTS session_value (
    key TEXT NOT NULL REFERENCES session ON DELETE CASCADE,
    name TEXT NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (key, name)
) WITHOUT ROWID;
"""

_LOAD = """
SELECT s.key, s.id, s.user, s.address, s.created, s.used, v.name, v.value
FROM session AS s LEFT JOIN session_value AS v ON v.key = s.key
WHERE s.id = ? AND s.used > ? AND s.created > ?
"""
_FIND = "SELECT id, user FROM session WHERE key = ? AND used > ? AND created > ?"
_EXISTS = "SELECT 1 FROM session WHERE id = ? AND used > ? AND created > ?"
_SIZE = """
SELECT coalesce(sum(length(CAST(name AS BLOB)) + length(value)), 0)
FROM session_value WHERE key = ?
"""
_SET = """
INSERT INTO session_value (key, name, value) VALUES (?, ?, ?)
ON CONFLICT (key, name) DO UPDATE SET value = excluded.value
"""
_OLDEST = """
SELECT key FROM session WHERE user = ? AND key != ? ORDER BY created DESC LIMIT -1 OFFSET ?
"""


class SqliteSessionStore(SessionStore):
    """One connection in one thread. Opened at boot; a file that cannot be opened is an error."""

    @inject
    def __init__(self, settings: SessionsSettings) -> None:
        self._settings = settings
        self._file = Path(settings.file)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="rxkernel-sessions")
        self._connection: sqlite3.Connection | None = None
        self._is_down = False

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        try:
            self._connection = await loop.run_in_executor(self._thread, self._open)
        except (OSError, sqlite3.Error) as exc:
            self._thread.shutdown(wait=False)
            raise ConfigurationError(
                f"the file {str(self._file)!r} of sessions cannot be opened: {exc}; set "
                f"sessions.file to a file in a writable folder"
            ) from exc
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        if self._connection is not None:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._connection.close)
        self._thread.shutdown(wait=False)

    def _open(self) -> sqlite3.Connection:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.touch(mode=0o600)
        connection = sqlite3.connect(
            self._file, timeout=_BUSY, isolation_level=None, check_same_thread=False
        )
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA foreign_keys = ON")
            connection.executescript(_SCHEMA)
        except BaseException:
            connection.close()
            raise
        return connection

    # --- the interface

    async def load(self, id: str, now: float) -> StoredSession | None:
        return await self._run(partial(self._load, id, now))

    async def existing(self, ids: Collection[str], now: float) -> Collection[str]:
        return await self._run(partial(self._existing, ids, now))

    async def create(self, session: StoredSession) -> Sequence[EndedSession]:
        return await self._run(partial(self._create, session))

    async def update(self, key: str, changes: Changes, now: float) -> bool:
        return await self._run(partial(self._update, key, changes, now))

    async def rotate(
        self, key: str, rotation: Rotation, changes: Changes, now: float
    ) -> Sequence[EndedSession] | bool:
        return await self._run(partial(self._rotate, key, rotation, changes, now))

    async def end(self, key: str) -> EndedSession | None:
        ended = await self._run(partial(self._end, "key = ?", (key,)))
        return ended[0] if ended else None

    async def end_all(self, user: str) -> Sequence[EndedSession]:
        return await self._run(partial(self._end, "user = ?", (user,)))

    async def remove_expired(self, now: float) -> Sequence[EndedSession]:
        where = "used <= ? OR created <= ?"
        return await self._run(partial(self._end, where, self._oldest_valid(now)))

    async def _run(self, call: Callable[[sqlite3.Connection], T]) -> T:
        """Call *call* in the thread.

        Raises:
            SessionsUnavailableException: SQLite cannot read or write the file.
        """
        assert self._connection is not None, "the application has booted"
        try:
            async with asyncio.timeout(_TIMEOUT):
                result = await asyncio.get_running_loop().run_in_executor(
                    self._thread, call, self._connection
                )
        except (sqlite3.DatabaseError, TimeoutError) as exc:
            if isinstance(exc, sqlite3.IntegrityError | sqlite3.ProgrammingError):
                raise  # a bug
            if not self._is_down:
                self._is_down = True
                reason = str(exc) or f"no result within {_TIMEOUT} seconds"
                logger.error("the file of sessions cannot be used: %s", reason)
            raise SessionsUnavailableException from exc
        if self._is_down:
            self._is_down = False
            logger.info("the file of sessions can be used again")
        return result

    # --- in the thread

    def _oldest_valid(self, now: float) -> tuple[float, float]:
        """The times of use and of creation after which a session has not expired."""
        return now - self._settings.idle_timeout, now - self._settings.lifetime

    def _load(self, id: str, now: float, db: sqlite3.Connection) -> StoredSession | None:
        rows = db.execute(_LOAD, (id, *self._oldest_valid(now))).fetchall()
        if not rows:
            return None
        key, id, user, address, created, used, _, _ = rows[0]
        values = {name: value for *_, name, value in rows if name is not None}
        return StoredSession(key, id, values, user, address, created, used)

    def _existing(self, ids: Collection[str], now: float, db: sqlite3.Connection) -> list[str]:
        valid = self._oldest_valid(now)
        return [id for id in ids if db.execute(_EXISTS, (id, *valid)).fetchone() is not None]

    def _create(self, new: StoredSession, db: sqlite3.Connection) -> list[EndedSession]:
        with _transaction(db):
            if new.address:
                self._check_address(new, db)
            db.execute(
                "INSERT INTO session (key, id, user, address, created, used) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                (new.key, new.id, new.user, new.address, new.created, new.used),
            )
            self._apply(new.key, new.values, db)
            return self._end_oldest(new.key, new.user, db)

    def _check_address(self, new: StoredSession, db: sqlite3.Connection) -> None:
        valid = self._oldest_valid(new.created)
        count = "SELECT count(*) FROM session WHERE address = ? AND used > ? AND created > ?"
        if _number(db, count, (new.address, *valid)) >= self._settings.max_per_address:
            raise TooManySessionsException

    def _update(self, key: str, changes: Changes, now: float, db: sqlite3.Connection) -> bool:
        with _transaction(db):
            if db.execute(_FIND, (key, *self._oldest_valid(now))).fetchone() is None:
                return False
            db.execute("UPDATE session SET used = ? WHERE key = ?", (now, key))
            self._apply(key, changes, db)
            return True

    def _rotate(
        self, key: str, rotation: Rotation, changes: Changes, now: float, db: sqlite3.Connection
    ) -> list[EndedSession] | bool:
        with _transaction(db):
            found = db.execute(_FIND, (key, *self._oldest_valid(now))).fetchone()
            if found is None:
                return False
            id, user = found
            if id != rotation.old:
                return True
            db.execute(
                "UPDATE session SET id = ?, user = ?, used = ? WHERE key = ?",
                (rotation.new, rotation.user, now, key),
            )
            if user != rotation.user:
                db.execute("UPDATE session SET created = ? WHERE key = ?", (now, key))
            self._apply(key, changes, db)
            return self._end_oldest(key, rotation.user, db)

    def _apply(self, key: str, changes: Changes, db: sqlite3.Connection) -> None:
        if not changes:
            return
        removed = [(key, name) for name, value in changes.items() if value is None]
        written = [(key, name, value) for name, value in changes.items() if value is not None]
        db.executemany("DELETE FROM session_value WHERE key = ? AND name = ?", removed)
        db.executemany(_SET, written)
        if written and _number(db, _SIZE, (key,)) > self._settings.max_size:
            raise SessionTooLargeException(self._settings.max_size)

    def _end_oldest(
        self, key: str, user: str | None, db: sqlite3.Connection
    ) -> list[EndedSession]:
        """End sessions of *user*, until there is room for *key*."""
        if user is None:
            return []
        surplus = db.execute(_OLDEST, (user, key, self._settings.max_per_user - 1)).fetchall()
        return [ended for row in surplus for ended in _delete("key = ?", row, db)]

    def _end(
        self, where: str, values: Iterable[object], db: sqlite3.Connection
    ) -> list[EndedSession]:
        with _transaction(db):
            return _delete(where, values, db)


def _delete(where: str, values: Iterable[object], db: sqlite3.Connection) -> list[EndedSession]:
    rows = db.execute(f"DELETE FROM session WHERE {where} RETURNING id, user", tuple(values))
    return [EndedSession(id, user) for id, user in rows.fetchall()]


def _number(db: sqlite3.Connection, query: str, values: tuple[Any, ...]) -> int:
    number: int = db.execute(query, values).fetchone()[0]
    return number


@contextmanager
def _transaction(db: sqlite3.Connection) -> Iterator[None]:
    """Lock the file for writing at once: a lock that is taken later may fail without a wait."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
