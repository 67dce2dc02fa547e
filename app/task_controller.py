"""The tasks, over HTTP and Socket.IO: one method for both."""

from injector import inject

from app.task_csv import csv_lines
from app.task_input import NewTask, TaskChange, TaskId
from app.tasks import Task, TaskRepository
from rxkernel import Broadcaster, Connection, Response, StreamResponse, both, http, pushes


class TaskController:
    """A client that changes a task gets the response; every other socket gets an event.

    The event is ``task_created``, ``task_changed`` or ``task_deleted``. Its argument is the task,
    or for a deletion ``{"id": int}``.
    """

    @inject
    def __init__(self, tasks: TaskRepository, broadcaster: Broadcaster) -> None:
        self._tasks = tasks
        self._broadcaster = broadcaster

    @both("GET", "/tasks", "task_list")
    async def show_all(self) -> list[Task]:
        return await self._tasks.all()

    @both("GET", "/tasks/{id:int}", "task_show")
    async def show(self, id: TaskId) -> Task:
        return await self._tasks.get(id)

    @both("POST", "/tasks", "task_create")
    @pushes("task_created", Task)
    async def create(self, new: NewTask, connection: Connection | None) -> Response:
        task = await self._tasks.add(new.title)
        await self._broadcaster.emit("task_created", task, skip=connection)
        return Response(task, 201, {"Location": f"/tasks/{task.id}"})

    @both("PATCH", "/tasks/{id:int}", "task_change")
    @pushes("task_changed", Task)
    async def change(self, id: TaskId, change: TaskChange, connection: Connection | None) -> Task:
        task = await self._tasks.change(id, title=change.title, done=change.done)
        await self._broadcaster.emit("task_changed", task, skip=connection)
        return task

    @both("DELETE", "/tasks/{id:int}", "task_delete", status_code=204)
    @pushes("task_deleted", dict[str, int])
    async def delete(self, id: TaskId, connection: Connection | None) -> None:
        await self._tasks.delete(id)
        await self._broadcaster.emit("task_deleted", {"id": id}, skip=connection)

    @http("GET", "/tasks.csv", "task_csv")
    async def download(self) -> StreamResponse:
        """Over HTTP only: an acknowledgement is one packet, and a stream is many pieces."""
        return StreamResponse(
            csv_lines(self._tasks.each()),
            headers={"Content-Disposition": 'attachment; filename="tasks.csv"'},
            content_type="text/csv; charset=utf-8",
        )
