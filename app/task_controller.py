"""The tasks, over HTTP and Socket.IO: one method for both."""

from collections.abc import Sequence
from typing import Annotated, Any

from app.tables import Account, StoredTask
from app.task import Task
from app.task_csv import csv_lines
from app.task_input import Changes, NewTask, TaskId
from app.tasks import TaskRepository
from bundles.resources import AfterCommit, View
from bundles.security import CurrentUser, access, user_room
from rxkernel import Connection, Response, StreamResponse, both, http, pushes

Viewer = CurrentUser[Account] | None
"""The account that sent the message; None for a client without one."""

Author = Connection | None
"""The socket that sent the message; None for a request over HTTP."""


@access("public")
class TaskController:
    """All clients see the tasks of the shared board; a private task is visible to its owner only.

    A client that changes a task gets the response; every other socket that may see the task gets
    an event: ``task_created``, ``task_changed`` or ``task_deleted``. Its argument is the task, or
    for a deletion ``{"id": int}``.
    """

    @both("GET", "/tasks", "task_list")
    async def show_all(
        self, tasks: TaskRepository, viewer: Viewer
    ) -> Annotated[Sequence[StoredTask], View(Task)]:
        """List the tasks that the client may see, the oldest first."""
        return await tasks.visible(viewer)

    @both("GET", "/tasks/{id:int}", "task_show")
    async def show(
        self, id: TaskId, tasks: TaskRepository, viewer: Viewer
    ) -> Annotated[StoredTask, View(Task)]:
        """Return one task.

        Raises:
            NotFoundException: no task that the client may see has this id.
        """
        return await tasks.get_visible(id, viewer)

    @both("POST", "/tasks", "task_create", status_code=201)
    @pushes("task_created", Task)
    async def create(
        self, new: NewTask, tasks: TaskRepository, after: AfterCommit, author: Author
    ) -> Task | Response:
        """Add a task to the shared board.

        All sockets except that of the sender receive ``task_created``.

        Response headers:
            Location: the path of the task.
        """
        task = await tasks.add(StoredTask(title=new.title))
        return _created(task, after, author)

    @access("authenticated")
    @both("POST", "/tasks/private", "task_create_private", status_code=201)
    @pushes("task_created", Task)
    async def create_private(
        self,
        new: NewTask,
        user: CurrentUser[Account],
        tasks: TaskRepository,
        after: AfterCommit,
        author: Author,
    ) -> Task | Response:
        """Add a task that only its owner sees.

        Response headers:
            Location: the path of the task.
        """
        task = await tasks.add(StoredTask(title=new.title, owner=user.username))
        return _created(task, after, author)

    @both("PATCH", "/tasks/{id:int}", "task_change")
    @pushes("task_changed", Task)
    async def change(
        self,
        id: TaskId,
        change: Changes,
        tasks: TaskRepository,
        viewer: Viewer,
        after: AfterCommit,
        author: Author,
    ) -> Task:
        """Change the title of a task, or whether it is done.

        Raises:
            NotFoundException: no task that the client may see has this id.
        """
        task = await tasks.get_visible(id, viewer)
        if change.title is not None:
            task.title = change.title
        if change.done is not None:
            task.done = change.done
        view = Task.of(task)
        _push(after, "task_changed", view, task.owner, author)
        return view

    @both("DELETE", "/tasks/{id:int}", "task_delete", status_code=204)
    @pushes("task_deleted", dict[str, int])
    async def delete(
        self, id: TaskId, tasks: TaskRepository, viewer: Viewer, after: AfterCommit, author: Author
    ) -> None:
        """Delete a task.

        Raises:
            NotFoundException: no task that the client may see has this id.
        """
        task = await tasks.get_visible(id, viewer)
        await tasks.remove(task)
        _push(after, "task_deleted", {"id": id}, task.owner, author)

    @http("GET", "/tasks.csv", "task_csv")
    async def download(self, tasks: TaskRepository, viewer: Viewer) -> StreamResponse:
        """Download all tasks as CSV.

        It is served over HTTP only: an acknowledgement is one packet, and a stream is many pieces.
        """
        return StreamResponse(
            csv_lines(tasks.each(viewer)),
            headers={"Content-Disposition": 'attachment; filename="tasks.csv"'},
            content_type="text/csv; charset=utf-8",
        )


def _created(task: StoredTask, after: AfterCommit, author: Connection | None) -> Response:
    view = Task.of(task)
    _push(after, "task_created", view, task.owner, author)
    return Response(view, 201, {"Location": f"/tasks/{task.id}"})


def _push(
    after: AfterCommit, event: str, argument: Any, owner: str | None, author: Connection | None
) -> None:
    """Send *event* to all sockets, or to those of *owner*, except that of *author*, once the
    change is committed."""
    room = None if owner is None else user_room(owner)
    after.emit(event, argument, room=room, skip=author)
