"""Tasks and their storage in a SQLite file, without any HTTP or sockets."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiosqlite
import attrs

from rxkernel import ConfigurationError

# AUTOINCREMENT: the id of a deleted task never names another one.
_SCHEMA = """
CREATE TABLE IF NOT EXISTS tasks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    title TEXT NOT NULL,
    done INTEGER NOT NULL DEFAULT FALSE,
    created TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ'))
)
"""
_COLUMNS = "id, title, done, created"
_PAGE = 500


@attrs.frozen
class Task:
    """A task; *created* is in UTC."""

    id: int
    title: str
    done: bool
    created: datetime


class TaskNotFoundError(LookupError):
    """No task has this id."""

    def __init__(self, id: int) -> None:
        super().__init__(f"there is no task {id}")
        self.id = id


class TaskRepository:
    """The tasks in the file *database*.

    An async context manager, bound as a singleton: the application enters it at boot, which
    creates the file and its folder if they are missing, and leaves it at shutdown.

    Every method runs one statement and returns after it is stored. All statements use one
    connection, so results are returned in the order in which they were stored.
    """

    def __init__(self, database: Path) -> None:
        self._database = database
        self._connection: aiosqlite.Connection
        self._undo = AsyncExitStack()

    async def __aenter__(self) -> Self:
        try:
            self._database.parent.mkdir(parents=True, exist_ok=True)
            async with AsyncExitStack() as undo:
                connecting = aiosqlite.connect(self._database, isolation_level=None)
                self._connection = await undo.enter_async_context(connecting)
                await self._connection.execute_fetchall("PRAGMA journal_mode = WAL")
                await self._connection.execute_fetchall(_SCHEMA)
                self._undo = undo.pop_all()
        except (OSError, sqlite3.Error) as exc:
            raise ConfigurationError(
                f"the tasks cannot be stored in {self._database}: {exc}; "
                f"repair the file or its folder, or choose another file"
            ) from exc
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self._undo.aclose()

    async def all(self) -> list[Task]:
        """Return all tasks, the oldest first."""
        return await self._tasks(f"SELECT {_COLUMNS} FROM tasks ORDER BY id")

    async def each(self) -> AsyncIterator[Task]:
        """Yield all tasks, read in pages: a slow reader uses little memory and blocks nothing."""
        query = f"SELECT {_COLUMNS} FROM tasks WHERE id > ? ORDER BY id LIMIT {_PAGE}"
        last = 0
        while page := await self._tasks(query, last):
            for task in page:
                yield task
            last = page[-1].id

    async def get(self, id: int) -> Task:
        """Raises: TaskNotFoundError."""
        return await self._task(id, f"SELECT {_COLUMNS} FROM tasks WHERE id = ?", id)

    async def add(self, title: str) -> Task:
        """Store a new task."""
        query = f"INSERT INTO tasks (title) VALUES (?) RETURNING {_COLUMNS}"
        (task,) = await self._tasks(query, title)
        return task

    async def change(self, id: int, *, title: str | None = None, done: bool | None = None) -> Task:
        """Change the fields that are not None. Raises: TaskNotFoundError."""
        query = (
            f"UPDATE tasks SET title = coalesce(?, title), done = coalesce(?, done) "
            f"WHERE id = ? RETURNING {_COLUMNS}"
        )
        return await self._task(id, query, title, done, id)

    async def delete(self, id: int) -> None:
        """Raises: TaskNotFoundError."""
        await self._task(id, f"DELETE FROM tasks WHERE id = ? RETURNING {_COLUMNS}", id)

    async def _task(self, id: int, query: str, *values: Any) -> Task:
        if not (found := await self._tasks(query, *values)):
            raise TaskNotFoundError(id)
        return found[0]

    async def _tasks(self, query: str, *values: Any) -> list[Task]:
        rows = await self._connection.execute_fetchall(query, values)
        return [
            Task(id, title, bool(done), datetime.fromisoformat(created))
            for id, title, done, created in rows
        ]
