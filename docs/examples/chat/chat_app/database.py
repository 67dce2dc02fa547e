"""`Database`: the messages of all rooms, in a SQLite file or in memory."""

import sqlite3
from collections.abc import Sequence
from time import perf_counter
from typing import Any

import aiosqlite
from injector import inject

from bundles.realtime import AppHandle, IOServerError, Manager
from chat_app.message import Kind, Message, now
from chat_app.options import ChatOptions

_TABLES = """
CREATE TABLE IF NOT EXISTS messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    room TEXT NOT NULL,
    username TEXT NOT NULL,
    content TEXT NOT NULL,
    type TEXT NOT NULL,
    timestamp TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS messages_of_room ON messages (room, id);
"""


class Database(Manager):
    """`start` opens it before the servers listen; `stop` closes it after them."""

    @inject
    def __init__(self, app_handle: AppHandle, options: ChatOptions) -> None:
        super().__init__(app_handle)
        self._path = options.database
        self._connection: aiosqlite.Connection | None = None

    async def start(self) -> None:
        if self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        where = ":memory:" if self._path is None else self._path
        connection = await aiosqlite.connect(where, isolation_level=None)
        try:
            await connection.executescript(_TABLES)
        except BaseException:
            await connection.close()
            raise
        self._connection = connection
        self.app_handle.log("INFORMATION", f"the messages are in {where}")

    async def stop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def ping(self) -> float:
        """Return the milliseconds that a query takes.

        Raises:
            IOServerError: the database cannot be used (503); so do the other methods.
        """
        begun = perf_counter()
        await self._rows("SELECT 1")
        return (perf_counter() - begun) * 1000

    async def add(self, room: str, username: str, content: str, type: Kind) -> Message:
        """Store a message, and return it with its id."""
        values = (room, username, content, type, now())
        rows = await self._rows(
            "INSERT INTO messages (room, username, content, type, timestamp) "
            "VALUES (?, ?, ?, ?, ?) RETURNING id",
            values,
        )
        return Message(rows[0][0], *values)

    async def recent(self, room: str, limit: int = 50) -> list[Message]:
        """Return the last messages of *room*, the oldest first."""
        rows = await self._rows(
            "SELECT id, room, username, content, type, timestamp FROM messages "
            "WHERE room = ? ORDER BY id DESC LIMIT ?",
            (room, limit),
        )
        return [Message(*row) for row in reversed(rows)]

    async def remove_old(self, kept: int) -> int:
        """Keep the last *kept* messages of each room; return how many were removed."""
        rows = await self._rows(
            "DELETE FROM messages WHERE id IN (SELECT id FROM (SELECT id, row_number() "
            "OVER (PARTITION BY room ORDER BY id DESC) AS place FROM messages) WHERE place > ?) "
            "RETURNING id",
            (kept,),
        )
        return len(rows)

    async def _rows(self, statement: str, values: Sequence[Any] = ()) -> list[Any]:
        if self._connection is None:
            raise IOServerError("the database is not open", 503)
        try:
            return list(await self._connection.execute_fetchall(statement, values))
        except sqlite3.Error as exc:
            raise IOServerError("the database is not available", 503) from exc
