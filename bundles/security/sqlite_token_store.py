"""Refresh tokens and revocations in a SQLite file, which processes of one machine share."""

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar

import attrs
from injector import inject

from bundles.security.settings import SecuritySettings
from bundles.security.token_store import (
    MOST_USES,
    EndedAccess,
    RefreshRecord,
    Rotation,
    TokenStore,
)
from rxkernel import ConfigurationError, ServiceUnavailableException

_LOGGER = logging.getLogger(__name__)

T = TypeVar("T")

_SCHEMA = """
CREATE TABLE IF NOT EXISTS refresh_token (
    digest TEXT PRIMARY KEY,
    family TEXT NOT NULL,
    identifier TEXT NOT NULL,
    access_id TEXT NOT NULL,
    access_expires REAL NOT NULL,
    expires REAL NOT NULL,
    ends REAL NOT NULL,
    used REAL,
    uses INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS refresh_token_family ON refresh_token (family);
CREATE INDEX IF NOT EXISTS refresh_token_identifier ON refresh_token (identifier);
CREATE INDEX IF NOT EXISTS refresh_token_access_id ON refresh_token (access_id);
CREATE INDEX IF NOT EXISTS refresh_token_expires ON refresh_token (expires);
CREATE TABLE IF NOT EXISTS revoked_access (
    id TEXT PRIMARY KEY, until REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS ended_user (
    identifier TEXT PRIMARY KEY, moment REAL NOT NULL, until REAL NOT NULL
) WITHOUT ROWID;
"""
_COLUMNS = "digest, family, identifier, access_id, access_expires, expires, ends"
"""In the order of `RefreshRecord`."""

_BUSY = 2.0
"""Seconds to wait for another process that writes."""

_TIMEOUT = 5.0
"""Seconds within which a call must end, with its wait for earlier calls of this process."""


class SqliteTokenStore(TokenStore):
    """The file has mode 600. One thread works on it; statements take well under a millisecond."""

    @inject
    def __init__(self, settings: SecuritySettings) -> None:
        self._path = settings.tokens.store_file
        self._thread = ThreadPoolExecutor(1, "security-store")
        self._database: sqlite3.Connection | None = None
        self._is_down = False

    async def __aenter__(self) -> Self:
        try:
            await self._in_thread(self._connect)
        except (OSError, sqlite3.Error) as error:
            self._thread.shutdown(wait=False)
            raise ConfigurationError(
                f"security.tokens.store_file: {str(self._path)!r} cannot be opened: {error}"
            ) from error
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        if self._database is not None:
            await self._in_thread(self._database.close)
        self._thread.shutdown(wait=False)

    def _connect(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.touch(mode=0o600)
        database = sqlite3.connect(
            self._path, timeout=_BUSY, isolation_level=None, check_same_thread=False
        )
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=NORMAL")
        database.executescript(_SCHEMA)
        self._database = database

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def _write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run *work* in one transaction. Raises as `_read`."""
        return await self._read(partial(_transact, work))

    async def _read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run *work*, one query, which does not wait for another process that writes.

        Raises:
            ServiceUnavailableException: the file is locked, full or broken; logged once.
        """
        database = self._database
        if database is None:
            raise RuntimeError("the store is not open; boot the application first")
        try:
            async with asyncio.timeout(_TIMEOUT):
                result = await self._in_thread(partial(work, database))
        except (sqlite3.Error, TimeoutError) as error:
            if not self._is_down:
                self._is_down = True
                reason = str(error) or f"no result within {_TIMEOUT} seconds"
                _LOGGER.error("the store of tokens %s failed: %s", self._path, reason)
            raise ServiceUnavailableException("the store of tokens is not available") from error
        if self._is_down:
            self._is_down = False
            _LOGGER.info("the store of tokens %s works again", self._path)
        return result

    async def add(self, record: RefreshRecord, now: float) -> None:
        await self._write(lambda database: _insert(database, record, now))

    async def find(self, digest: str, now: float) -> RefreshRecord | None:
        return await self._read(lambda database: _found(database, "digest", digest, now)[0])

    async def find_by_access(self, access_id: str, now: float) -> RefreshRecord | None:
        return await self._read(lambda database: _found(database, "access_id", access_id, now)[0])

    async def rotate(
        self, digest: str, record: RefreshRecord, now: float, grace: float
    ) -> Rotation:
        def work(database: sqlite3.Connection) -> Rotation:
            found, used = _found(database, "digest", digest, now)
            if found is None:
                return Rotation.UNKNOWN
            if used is not None and now >= used + grace:
                return Rotation.REUSED
            uses = "UPDATE refresh_token SET used = coalesce(used, ?), uses = uses + 1"
            where = "WHERE digest = ? AND uses < ?"
            if database.execute(f"{uses} {where}", (now, digest, MOST_USES)).rowcount == 0:
                return Rotation.TOO_MANY
            _insert(database, record, now)
            return Rotation.DONE

        return await self._write(work)

    async def end_family(self, family: str, now: float) -> Sequence[EndedAccess]:
        def work(database: sqlite3.Connection) -> list[EndedAccess]:
            found = database.execute(
                "DELETE FROM refresh_token WHERE family = ? RETURNING access_id, access_expires",
                (family,),
            ).fetchall()
            valid = [(id, expires) for id, expires in found if expires > now]
            database.executemany("INSERT OR REPLACE INTO revoked_access VALUES (?, ?)", valid)
            return [EndedAccess(id, expires) for id, expires in valid]

        return await self._write(work)

    async def end_user(self, identifier: str, now: float, until: float) -> None:
        def work(database: sqlite3.Connection) -> None:
            database.execute("DELETE FROM refresh_token WHERE identifier = ?", (identifier,))
            database.execute("DELETE FROM ended_user WHERE until <= ?", (now,))
            database.execute(
                "INSERT OR REPLACE INTO ended_user VALUES (?, ?, ?)", (identifier, now, until)
            )

        await self._write(work)

    async def revoke(self, access_id: str, until: float, now: float) -> None:
        def work(database: sqlite3.Connection) -> None:
            database.execute("DELETE FROM revoked_access WHERE until <= ?", (now,))
            database.execute(
                "INSERT OR REPLACE INTO revoked_access VALUES (?, ?)", (access_id, until)
            )

        await self._write(work)

    async def is_revoked(self, access_id: str, identifier: str, issued: float) -> bool:
        def work(database: sqlite3.Connection) -> bool:
            found = database.execute(
                "SELECT 1 FROM revoked_access WHERE id = ? "
                "UNION ALL SELECT 1 FROM ended_user WHERE identifier = ? AND moment >= ?",
                (access_id, identifier, issued),
            ).fetchone()
            return found is not None

        return await self._read(work)


def _transact(work: Callable[[sqlite3.Connection], T], database: sqlite3.Connection) -> T:
    """Run *work* between BEGIN and COMMIT; nothing stays open if one of them fails."""
    try:
        database.execute("BEGIN IMMEDIATE")
        result = work(database)
        database.execute("COMMIT")
    except BaseException:
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise
    return result


def _insert(database: sqlite3.Connection, record: RefreshRecord, now: float) -> None:
    database.execute("DELETE FROM refresh_token WHERE expires <= ?", (now,))
    database.execute(
        f"INSERT INTO refresh_token ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)",
        attrs.astuple(record),
    )


def _found(
    database: sqlite3.Connection, column: str, value: str, now: float
) -> tuple[RefreshRecord | None, float | None]:
    """The token that has *value* in *column* and is valid, and when it was used first."""
    row: tuple[Any, ...] | None = database.execute(
        f"SELECT {_COLUMNS}, used FROM refresh_token WHERE {column} = ? AND expires > ?",
        (value, now),
    ).fetchone()
    if row is None:
        return None, None
    names = _COLUMNS.split(", ")
    return RefreshRecord(**dict(zip(names, row[:-1], strict=True))), row[-1]
