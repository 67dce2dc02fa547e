"""Refresh tokens and revocations in a SQLite file, which processes of one machine share."""

import sqlite3
from collections.abc import Sequence
from typing import Any

import attrs
from injector import inject

from bundles.security.settings import SecuritySettings
from bundles.security.tokens.store import (
    MOST_USES,
    EndedAccess,
    RefreshRecord,
    RotationResult,
    TokenStore,
)
from bundles.sqlite import Schema, SqliteFile, SqliteStore
from rxkernel import ServiceUnavailableException

_SCHEMA = Schema(
    "tokens",
    version=1,
    script="""
CREATE TABLE refresh_token (
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
CREATE INDEX refresh_token_family ON refresh_token (family);
CREATE INDEX refresh_token_identifier ON refresh_token (identifier);
CREATE INDEX refresh_token_access_id ON refresh_token (access_id);
CREATE INDEX refresh_token_expires ON refresh_token (expires);
CREATE TABLE revoked_access (
    id TEXT PRIMARY KEY, until REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE ended_user (
    identifier TEXT PRIMARY KEY, moment REAL NOT NULL, until REAL NOT NULL
) WITHOUT ROWID;
""",
)
_COLUMNS = "digest, family, identifier, access_id, access_expires, expires, ends"
"""In the order of `RefreshRecord`."""


class SqliteTokenStore(SqliteStore, TokenStore):
    """The file is opened at boot. Statements take well under a millisecond."""

    @inject
    def __init__(self, settings: SecuritySettings) -> None:
        file = SqliteFile(
            settings.tokens.store_file,
            _SCHEMA,
            setting="security.tokens.store_file",
            unavailable=_unavailable,
        )
        super().__init__(file)

    async def add(self, record: RefreshRecord, now: float) -> None:
        await self._file.write(_insert, record, now)

    async def find(self, digest: str, now: float) -> RefreshRecord | None:
        return (await self._file.read(_found, "digest", digest, now))[0]

    async def find_by_access(self, access_id: str, now: float) -> RefreshRecord | None:
        return (await self._file.read(_found, "access_id", access_id, now))[0]

    async def rotate(
        self, digest: str, record: RefreshRecord, now: float, grace: float
    ) -> RotationResult:
        def work(database: sqlite3.Connection) -> RotationResult:
            found, used = _found(database, "digest", digest, now)
            if found is None:
                return RotationResult.UNKNOWN
            if used is not None and now >= used + grace:
                return RotationResult.REUSED
            uses = "UPDATE refresh_token SET used = coalesce(used, ?), uses = uses + 1"
            where = "WHERE digest = ? AND uses < ?"
            if database.execute(f"{uses} {where}", (now, digest, MOST_USES)).rowcount == 0:
                return RotationResult.TOO_MANY
            _insert(database, record, now)
            return RotationResult.DONE

        return await self._file.write(work)

    async def end_family(self, family: str, now: float) -> Sequence[EndedAccess]:
        def work(database: sqlite3.Connection) -> list[EndedAccess]:
            found = database.execute(
                "DELETE FROM refresh_token WHERE family = ? RETURNING access_id, access_expires",
                (family,),
            ).fetchall()
            valid = [(id, expires) for id, expires in found if expires > now]
            _remove_over(database, now)
            database.executemany("INSERT OR REPLACE INTO revoked_access VALUES (?, ?)", valid)
            return [EndedAccess(id, expires) for id, expires in valid]

        return await self._file.write(work)

    async def end_user(self, identifier: str, now: float, until: float) -> None:
        def work(database: sqlite3.Connection) -> None:
            database.execute("DELETE FROM refresh_token WHERE identifier = ?", (identifier,))
            database.execute("DELETE FROM ended_user WHERE until <= ?", (now,))
            database.execute(
                "INSERT OR REPLACE INTO ended_user VALUES (?, ?, ?)", (identifier, now, until)
            )

        await self._file.write(work)

    async def revoke(self, access_id: str, until: float, now: float) -> None:
        def work(database: sqlite3.Connection) -> None:
            _remove_over(database, now)
            database.execute(
                "INSERT OR REPLACE INTO revoked_access VALUES (?, ?)", (access_id, until)
            )

        await self._file.write(work)

    async def is_revoked(self, access_id: str, identifier: str, issued: float) -> bool:
        def work(database: sqlite3.Connection) -> bool:
            found = database.execute(
                "SELECT 1 FROM revoked_access WHERE id = ? "
                "UNION ALL SELECT 1 FROM ended_user WHERE identifier = ? AND moment >= ?",
                (access_id, identifier, issued),
            ).fetchone()
            return found is not None

        return await self._file.read(work)


def _unavailable() -> ServiceUnavailableException:
    return ServiceUnavailableException(
        "the store of tokens is not available", code="tokens_unavailable"
    )


def _remove_over(database: sqlite3.Connection, now: float) -> None:
    """Remove the revocations of access tokens that have expired."""
    database.execute("DELETE FROM revoked_access WHERE until <= ?", (now,))


def _insert(database: sqlite3.Connection, record: RefreshRecord, now: float) -> None:
    database.execute("DELETE FROM refresh_token WHERE expires <= ?", (now,))
    database.execute(
        f"INSERT INTO refresh_token ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)",
        attrs.astuple(record),
    )


def _found(
    database: sqlite3.Connection, column: str, value: str, now: float
) -> tuple[RefreshRecord | None, float | None]:
    """The valid token with *value* in *column*, and the time of its first use."""
    row: tuple[Any, ...] | None = database.execute(
        f"SELECT {_COLUMNS}, used FROM refresh_token WHERE {column} = ? AND expires > ?",
        (value, now),
    ).fetchone()
    if row is None:
        return None, None
    names = _COLUMNS.split(", ")
    return RefreshRecord(**dict(zip(names, row[:-1], strict=True))), row[-1]
