"""An application with a database and without accounts: ``benchmarks.servers.tasks_app:create``."""

from typing import Any, Self

import aiosqlite
import attrs
from injector import Binder, inject

from rxkernel import Application, Broadcaster, NotFoundException, both, controller


@attrs.frozen
class Task:
    id: int
    title: str
    is_done: bool = False


@attrs.frozen
class NewTask:
    title: str


class Database:
    """A table of tasks in memory, made at boot."""

    async def __aenter__(self) -> Self:
        self._connection = await aiosqlite.connect(":memory:", isolation_level=None)
        await self.run("CREATE TABLE tasks (id INTEGER PRIMARY KEY, title, is_done DEFAULT FALSE)")
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._connection.close()

    async def run(self, statement: str, *values: Any) -> list[Task]:
        rows = await self._connection.execute_fetchall(statement, values)
        return [Task(id, title, bool(is_done)) for id, title, is_done in rows]


@controller("/tasks", name="task_")
class TaskController:
    @inject
    def __init__(self, database: Database, broadcaster: Broadcaster) -> None:
        self._database = database
        self._broadcaster = broadcaster

    @both("GET", "/", "list")
    async def list(self) -> list[Task]:
        return await self._database.run("SELECT * FROM tasks ORDER BY id")

    @both("GET", "/{id:int}", "show")
    async def show(self, id: int) -> Task:
        for task in await self._database.run("SELECT * FROM tasks WHERE id = ?", id):
            return task
        raise NotFoundException

    @both("POST", "/", "add", status_code=201)
    async def add(self, new: NewTask) -> Task:
        statement = "INSERT INTO tasks (title) VALUES (?) RETURNING *"
        (task,) = await self._database.run(statement, new.title)
        await self._broadcaster.emit("task.added", task)
        return task

    @both("DELETE", "/{id:int}", "remove", status_code=204)
    async def remove(self, id: int) -> None:
        await self._database.run("DELETE FROM tasks WHERE id = ?", id)
        await self._broadcaster.emit("task.removed", id)


def create() -> Application:
    def configure(binder: Binder) -> None:
        binder.bind(Database, to=Database())

    return Application(controllers=[TaskController], modules=[configure])
