"""The tasks, over HTTP and Socket.IO: each rule is written once and answers both."""

from injector import inject

from app.task_csv import csv_lines
from app.task_input import new_title, task_change, task_id
from app.tasks import Task, TaskRepository
from rxkernel import Broadcaster, Request, Response, StreamResponse, http, websocket


class TaskController:
    """Whoever changes a task gets the answer; every other socket is sent an event.

    Its name is ``task_created``, ``task_changed`` or ``task_deleted``; it carries the task,
    or for a deletion ``{"id": int}``.
    """

    @inject
    def __init__(self, tasks: TaskRepository, broadcaster: Broadcaster) -> None:
        self._tasks = tasks
        self._broadcaster = broadcaster

    @http("GET", "/tasks", "task_list")
    @websocket("task_list")
    async def show_all(self, request: Request) -> list[Task]:
        return await self._tasks.all()

    @http("GET", "/tasks/{id:int}", "task_show")
    @websocket("task_show")
    async def show(self, request: Request) -> Task:
        return await self._tasks.get(task_id(request))

    @http("POST", "/tasks", "task_create")
    @websocket("task_create")
    async def create(self, request: Request) -> Response:
        task = await self._tasks.add(new_title(request.body))
        await self._broadcaster.emit("task_created", task, skip=request.connection)
        return Response(task, 201, {"Location": f"/tasks/{task.id}"})

    @http("PATCH", "/tasks/{id:int}", "task_change")
    @websocket("task_change")
    async def change(self, request: Request) -> Task:
        id, change = task_id(request), task_change(request.body)
        task = await self._tasks.change(id, title=change.title, done=change.done)
        await self._broadcaster.emit("task_changed", task, skip=request.connection)
        return task

    @http("DELETE", "/tasks/{id:int}", "task_delete")
    @websocket("task_delete")
    async def delete(self, request: Request) -> Response:
        id = task_id(request)
        await self._tasks.delete(id)
        await self._broadcaster.emit("task_deleted", {"id": id}, skip=request.connection)
        return Response(None, 204)

    @http("GET", "/tasks.csv", "task_csv")
    async def download(self, request: Request) -> StreamResponse:
        """Over HTTP only: an acknowledgement is one packet, and a stream is many pieces."""
        return StreamResponse(
            csv_lines(self._tasks.each()),
            headers={"Content-Disposition": 'attachment; filename="tasks.csv"'},
            content_type="text/csv; charset=utf-8",
        )
