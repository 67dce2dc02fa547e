"""The SQLite file with the tables of the application."""

import sqlite3
from collections.abc import Iterable
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiosqlite

from rxkernel import ConfigurationError

# AUTOINCREMENT: the id of a deleted task never names another one.
_TABLES = """
CREATE TABLE IF NOT EXISTS accounts (
    username TEXT PRIMARY KEY,
    password_hash TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS tasks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    title TEXT NOT NULL,
    done INTEGER NOT NULL DEFAULT FALSE,
    created TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ')),
    owner TEXT REFERENCES accounts
);
"""


class Database:
    """The connection to the file *path*.

    An async context manager, bound as a singleton: the application enters it at boot, which
    creates the file and its folder if they are missing, and leaves it at shutdown.

    All statements use one connection, so results are returned in the order in which they were
    stored.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: aiosqlite.Connection
        self._undo = AsyncExitStack()

    async def __aenter__(self) -> Self:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            async with AsyncExitStack() as undo:
                connecting = aiosqlite.connect(self._path, isolation_level=None)
                self._connection = await undo.enter_async_context(connecting)
                await self._connection.execute_fetchall("PRAGMA journal_mode = WAL")
                await self._connection.executescript(_TABLES)
                self._undo = undo.pop_all()
        except (OSError, sqlite3.Error) as exc:
            raise ConfigurationError(
                f"the tasks cannot be stored in {self._path}: {exc}; "
                f"repair the file or its folder, or choose another file"
            ) from exc
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self._undo.aclose()

    async def run(self, statement: str, *values: Any) -> Iterable[sqlite3.Row]:
        """Run one statement and return its rows; what it changes is stored then."""
        return await self._connection.execute_fetchall(statement, values)
