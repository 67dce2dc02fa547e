"""Sessions in a SQLite file, which the processes of one machine share."""

import sqlite3
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from injector import inject

from bundles.sessions.exceptions import (
    SessionsUnavailableException,
    SessionTooLargeException,
    TooManySessionsException,
)
from bundles.sessions.model import Changes, EndedSession, Rotation, StoredSession
from bundles.sessions.settings import SessionsSettings
from bundles.sessions.store import SessionStore
from bundles.sqlite import Schema, SqliteFile, SqliteStore

_SCHEMA = Schema(
    "sessions",
    version=1,
    script="""
CREATE TABLE session (
    key TEXT PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    user TEXT,
    address TEXT NOT NULL,
    created REAL NOT NULL,
    used REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX session_user ON session (user) WHERE user IS NOT NULL;
CREATE INDEX session_address ON session (address);
CREATE INDEX session_used ON session (used);
CREATE INDEX session_created ON session (created);
CREATE TABLE session_value (
    key TEXT NOT NULL REFERENCES session ON DELETE CASCADE,
    name TEXT NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (key, name)
) WITHOUT ROWID;
""",
)

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


class SqliteSessionStore(SqliteStore, SessionStore):
    """The file is opened at boot; `ConfigurationError` if that fails."""

    @inject
    def __init__(self, settings: SessionsSettings) -> None:
        file = SqliteFile(
            settings.file,
            _SCHEMA,
            setting="sessions.file",
            unavailable=SessionsUnavailableException,
        )
        super().__init__(file)
        self._settings = settings

    # --- the interface

    async def load(self, id: str, now: float) -> StoredSession | None:
        return await self._file.read(self._load, id, now)

    async def existing(self, ids: Collection[str], now: float) -> Collection[str]:
        return await self._file.read(self._existing, ids, now)

    async def create(self, session: StoredSession) -> Sequence[EndedSession]:
        return await self._file.write(self._create, session)

    async def update(self, key: str, changes: Changes, now: float) -> bool:
        return await self._file.write(self._update, key, changes, now)

    async def rotate(
        self, key: str, rotation: Rotation, changes: Changes, now: float
    ) -> Sequence[EndedSession] | bool:
        return await self._file.write(self._rotate, key, rotation, changes, now)

    async def end(self, key: str) -> EndedSession | None:
        ended = await self._file.write(_delete, "key = ?", (key,))
        return ended[0] if ended else None

    async def end_all(self, user: str) -> Sequence[EndedSession]:
        return await self._file.write(_delete, "user = ?", (user,))

    async def remove_expired(self, now: float) -> Sequence[EndedSession]:
        where = "used <= ? OR created <= ?"
        return await self._file.write(_delete, where, self._oldest_valid(now))

    # --- in the thread

    def _oldest_valid(self, now: float) -> tuple[float, float]:
        """The times of use and of creation after which a session has not expired."""
        return now - self._settings.idle_timeout, now - self._settings.lifetime

    def _load(self, db: sqlite3.Connection, id: str, now: float) -> StoredSession | None:
        rows = db.execute(_LOAD, (id, *self._oldest_valid(now))).fetchall()
        if not rows:
            return None
        key, id, user, address, created, used, _, _ = rows[0]
        values = {name: value for *_, name, value in rows if name is not None}
        return StoredSession(key, id, values, user, address, created, used)

    def _existing(self, db: sqlite3.Connection, ids: Collection[str], now: float) -> list[str]:
        valid = self._oldest_valid(now)
        return [id for id in ids if db.execute(_EXISTS, (id, *valid)).fetchone() is not None]

    def _create(self, db: sqlite3.Connection, new: StoredSession) -> list[EndedSession]:
        if new.address:
            self._check_address(db, new)
        db.execute(
            "INSERT INTO session (key, id, user, address, created, used) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            (new.key, new.id, new.user, new.address, new.created, new.used),
        )
        self._apply(db, new.key, new.values)
        return self._end_oldest(db, new.key, new.user)

    def _check_address(self, db: sqlite3.Connection, new: StoredSession) -> None:
        valid = self._oldest_valid(new.created)
        count = "SELECT count(*) FROM session WHERE address = ? AND used > ? AND created > ?"
        if _number(db, count, (new.address, *valid)) >= self._settings.max_per_address:
            raise TooManySessionsException

    def _update(self, db: sqlite3.Connection, key: str, changes: Changes, now: float) -> bool:
        if db.execute(_FIND, (key, *self._oldest_valid(now))).fetchone() is None:
            return False
        db.execute("UPDATE session SET used = ? WHERE key = ?", (now, key))
        self._apply(db, key, changes)
        return True

    def _rotate(
        self, db: sqlite3.Connection, key: str, rotation: Rotation, changes: Changes, now: float
    ) -> list[EndedSession] | bool:
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
        self._apply(db, key, changes)
        return self._end_oldest(db, key, rotation.user)

    def _apply(self, db: sqlite3.Connection, key: str, changes: Changes) -> None:
        if not changes:
            return
        removed = [(key, name) for name, value in changes.items() if value is None]
        written = [(key, name, value) for name, value in changes.items() if value is not None]
        db.executemany("DELETE FROM session_value WHERE key = ? AND name = ?", removed)
        db.executemany(_SET, written)
        if written and _number(db, _SIZE, (key,)) > self._settings.max_size:
            raise SessionTooLargeException(self._settings.max_size)

    def _end_oldest(
        self, db: sqlite3.Connection, key: str, user: str | None
    ) -> list[EndedSession]:
        """End sessions of *user*, until there is room for *key*."""
        if user is None:
            return []
        surplus = db.execute(_OLDEST, (user, key, self._settings.max_per_user - 1)).fetchall()
        return [ended for row in surplus for ended in _delete(db, "key = ?", row)]


def _delete(db: sqlite3.Connection, where: str, values: Iterable[object]) -> list[EndedSession]:
    rows = db.execute(f"DELETE FROM session WHERE {where} RETURNING id, user", tuple(values))
    return [EndedSession(id, user) for id, user in rows.fetchall()]


def _number(db: sqlite3.Connection, query: str, values: tuple[Any, ...]) -> int:
    number: int = db.execute(query, values).fetchone()[0]
    return number
