"""Tasks and their storage, without any HTTP or sockets."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import attrs
from injector import inject

from app.accounts import Account
from app.database import Database

_COLUMNS = "id, title, done, created, owner"
_VISIBLE = "(owner IS NULL OR owner = ?)"
_PAGE = 500


@attrs.frozen
class Task:
    """A task; *created* is in UTC.

    *owner* is the name of the only account that sees a private task; None: all see the task.
    """

    id: int
    title: str
    done: bool
    created: datetime
    owner: str | None = None


class TaskNotFoundError(LookupError):
    """No task has this id, or it is private to another account: the two look the same."""

    def __init__(self, id: int) -> None:
        super().__init__(f"there is no task {id}")
        self.id = id


class TaskRepository:
    """The tasks that a *viewer* may see: those of the shared board, and the viewer's own.

    Every method runs one statement and returns after it is stored.
    """

    @inject
    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self, viewer: Account | None) -> list[Task]:
        """Return all tasks, the oldest first."""
        query = f"SELECT {_COLUMNS} FROM tasks WHERE {_VISIBLE} ORDER BY id"
        return await self._tasks(query, _name_of(viewer))

    async def each(self, viewer: Account | None) -> AsyncIterator[Task]:
        """Yield all tasks, read in pages: a slow reader uses little memory and blocks nothing."""
        query = (
            f"SELECT {_COLUMNS} FROM tasks WHERE id > ? AND {_VISIBLE} ORDER BY id LIMIT {_PAGE}"
        )
        last = 0
        while page := await self._tasks(query, last, _name_of(viewer)):
            for task in page:
                yield task
            last = page[-1].id

    async def get(self, id: int, viewer: Account | None) -> Task:
        """Raises: TaskNotFoundError."""
        query = f"SELECT {_COLUMNS} FROM tasks WHERE id = ? AND {_VISIBLE}"
        return await self._task(id, query, id, _name_of(viewer))

    async def add(self, title: str, owner: Account | None = None) -> Task:
        """Store a new task: on the shared board, or private to *owner*."""
        query = f"INSERT INTO tasks (title, owner) VALUES (?, ?) RETURNING {_COLUMNS}"
        (task,) = await self._tasks(query, title, _name_of(owner))
        return task

    async def change(
        self,
        id: int,
        viewer: Account | None,
        *,
        title: str | None = None,
        done: bool | None = None,
    ) -> Task:
        """Change the fields that are not None. Raises: TaskNotFoundError."""
        query = (
            f"UPDATE tasks SET title = coalesce(?, title), done = coalesce(?, done) "
            f"WHERE id = ? AND {_VISIBLE} RETURNING {_COLUMNS}"
        )
        return await self._task(id, query, title, done, id, _name_of(viewer))

    async def delete(self, id: int, viewer: Account | None) -> Task:
        """Return the task that is deleted. Raises: TaskNotFoundError."""
        query = f"DELETE FROM tasks WHERE id = ? AND {_VISIBLE} RETURNING {_COLUMNS}"
        return await self._task(id, query, id, _name_of(viewer))

    async def _task(self, id: int, query: str, *values: Any) -> Task:
        if not (found := await self._tasks(query, *values)):
            raise TaskNotFoundError(id)
        return found[0]

    async def _tasks(self, query: str, *values: Any) -> list[Task]:
        rows = await self._database.run(query, *values)
        return [
            Task(id, title, bool(done), datetime.fromisoformat(created), owner)
            for id, title, done, created, owner in rows
        ]


def _name_of(account: Account | None) -> str | None:
    return None if account is None else account.username
