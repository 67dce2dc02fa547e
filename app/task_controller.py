"""The tasks, over HTTP and Socket.IO: one method for both."""

from typing import Any

from injector import inject

from app.accounts import Account
from app.task_csv import csv_lines
from app.task_input import Changes, NewTask, TaskId
from app.tasks import Task, TaskRepository
from bundles.security import CurrentUser, access, user_room
from rxkernel import Broadcaster, Connection, Response, StreamResponse, both, http, pushes

Viewer = CurrentUser[Account] | None
"""The account that sent the message; None for a client without one."""


@access("public")
class TaskController:
    """The tasks of the shared board are everybody's; private tasks exist for their owner only.

    A client that changes a task gets the response; every other socket that may see the task gets
    an event: ``task_created``, ``task_changed`` or ``task_deleted``. Its argument is the task, or
    for a deletion ``{"id": int}``.
    """

    @inject
    def __init__(self, tasks: TaskRepository, broadcaster: Broadcaster) -> None:
        self._tasks = tasks
        self._broadcaster = broadcaster

    @both("GET", "/tasks", "task_list")
    async def show_all(self, viewer: Viewer) -> list[Task]:
        """List the tasks that the client may see, the oldest first."""
        return await self._tasks.all(viewer)

    @both("GET", "/tasks/{id:int}", "task_show")
    async def show(self, id: TaskId, viewer: Viewer) -> Task:
        """Return one task.

        Raises:
            NotFoundException: no task that the client may see has this id.
        """
        return await self._tasks.get(id, viewer)

    @both("POST", "/tasks", "task_create", status_code=201)
    @pushes("task_created", Task)
    async def create(self, new: NewTask, connection: Connection | None) -> Task | Response:
        """Add a task to the shared board.

        All sockets but that of the sender, who gets the response, receive ``task_created``.

        Response headers:
            Location: the path of the task.
        """
        return await self._created(await self._tasks.add(new.title), connection)

    @access("authenticated")
    @both("POST", "/tasks/private", "task_create_private", status_code=201)
    @pushes("task_created", Task)
    async def create_private(
        self, new: NewTask, user: CurrentUser[Account], connection: Connection | None
    ) -> Task | Response:
        """Add a task that only its owner sees.

        Response headers:
            Location: the path of the task.
        """
        return await self._created(await self._tasks.add(new.title, user), connection)

    @both("PATCH", "/tasks/{id:int}", "task_change")
    @pushes("task_changed", Task)
    async def change(
        self, id: TaskId, change: Changes, viewer: Viewer, connection: Connection | None
    ) -> Task:
        """Change the title of a task, or whether it is done.

        Raises:
            NotFoundException: no task that the client may see has this id.
        """
        task = await self._tasks.change(id, viewer, title=change.title, done=change.done)
        await self._push("task_changed", task, task.owner, connection)
        return task

    @both("DELETE", "/tasks/{id:int}", "task_delete", status_code=204)
    @pushes("task_deleted", dict[str, int])
    async def delete(self, id: TaskId, viewer: Viewer, connection: Connection | None) -> None:
        """Delete a task.

        Raises:
            NotFoundException: no task that the client may see has this id.
        """
        task = await self._tasks.delete(id, viewer)
        await self._push("task_deleted", {"id": id}, task.owner, connection)

    @http("GET", "/tasks.csv", "task_csv")
    async def download(self, viewer: Viewer) -> StreamResponse:
        """Download all tasks as CSV.

        It is served over HTTP only: an acknowledgement is one packet, and a stream is many pieces.
        """
        return StreamResponse(
            csv_lines(self._tasks.each(viewer)),
            headers={"Content-Disposition": 'attachment; filename="tasks.csv"'},
            content_type="text/csv; charset=utf-8",
        )

    async def _created(self, task: Task, connection: Connection | None) -> Response:
        await self._push("task_created", task, task.owner, connection)
        return Response(task, 201, {"Location": f"/tasks/{task.id}"})

    async def _push(
        self, event: str, argument: Any, owner: str | None, author: Connection | None
    ) -> None:
        """Send *event* to all sockets, or to those of *owner*, except that of *author*."""
        room = None if owner is None else user_room(owner)
        await self._broadcaster.emit(event, argument, room=room, skip=author)
