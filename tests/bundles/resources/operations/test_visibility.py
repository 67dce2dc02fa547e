"""Clients do not notice invisible rows, and changes of visible rows are pushed."""

from collections.abc import Iterable
from typing import Annotated, Any

import attrs
import pytest
from sqlalchemy import ColumnElement, delete, true
from sqlalchemy.ext.asyncio import AsyncSession

from bundles.resources import (
    BulkCreate,
    BulkRemove,
    Create,
    Filters,
    Get,
    List,
    OperationEvent,
    Patch,
    Remove,
    Resource,
    Row,
    Unwatch,
    Update,
    Watch,
    operation,
)
from rxkernel import (
    ForbiddenException,
    HeadEvent,
    KernelClient,
    KernelEvents,
    RecordingConnection,
    Request,
    observe,
)
from rxkernel.pytest_plugin import ClientOf
from tests.bundles.resources.operations.tasks import (
    NewTask,
    Task,
    TaskChange,
    TaskView,
    client_for,
)


@attrs.frozen
class Token:
    user: str | None


class Identity:
    @observe(KernelEvents.KERNEL_HEAD)
    async def set(self, event: HeadEvent) -> None:
        event.request.token = Token(event.request.headers.get("X-User"))


@attrs.frozen
class OwnerChange:
    owner: str


class OwnTasks(Resource[Task], path="/tasks", name="task"):
    operations = (
        List(),
        Get(),
        Create(NewTask),
        Update(TaskChange),
        Patch(TaskChange),
        Remove(),
        BulkCreate(NewTask),
        BulkRemove(),
        Watch(),
        Unwatch(),
    )
    filters = Filters(title=("$eq",))
    view = TaskView

    def visible(self, request: Request) -> ColumnElement[bool]:
        return true() if request.user == "root" else Task.owner == request.user

    def build(self, sent: NewTask, request: Request) -> Task:
        return Task(title=sent.title, owner=request.user)

    def room_of(self, request: Request) -> str:
        return request.user or "nobody"

    def rooms_of(self, row: Task) -> Iterable[str]:
        return (row.owner, "root")

    async def pre_update(self, event: OperationEvent) -> None:
        if event.input.title == "forbidden":
            raise ForbiddenException
        if event.input.title == "give":
            event.data.owner = "bob"


class User:
    """Calls routes over one transport, as a user."""

    def __init__(self, client: KernelClient, transport: str, name: str) -> None:
        self.client = client
        self.headers = {"X-User": name}
        self.transport = transport

    async def __call__(self, name: str, **given: Any) -> Any:
        if self.transport == "HTTP":
            return await self.client.http(name, headers=self.headers, **given)
        async with self.client.connection(headers=self.headers) as connection:
            return await self.client.websocket(name, connection=connection, **given)

    async def watching(self) -> RecordingConnection:
        connection = self.client.connection(headers=self.headers)
        response = await self.client.websocket("task_watch", connection=connection)
        assert (response.status_code, response.content) == (204, None)
        return connection


@pytest.fixture
def client(client_of: ClientOf) -> KernelClient:
    return client_for(client_of, OwnTasks, listeners=[Identity])


@pytest.mark.parametrize("transport", ["HTTP", "SOCKET"])
async def test_invisible_rows_do_not_exist_for_any_operation(
    client: KernelClient, transport: str
) -> None:
    ada, bob = User(client, transport, "ada"), User(client, transport, "bob")
    await ada("task_create", body={"title": "a"})
    await bob("task_bulk_create", body=[{"title": "b"}, {"title": "b2"}])

    listed = await bob("task_list")
    assert [task.id for task in listed.content] == [2, 3]
    assert listed.headers["X-Total"] == "2"
    assert (await bob("task_list", params={"title": "a"})).content == []
    for name, body in (("get", None), ("update", {"title": "x"}), ("remove", None)):
        assert (await bob(f"task_{name}", params={"id": 1}, body=body)).status_code == 404
    patched = await bob("task_patch", params={"ids": [1, 2]}, body={"title": "x"})
    removed = await bob("task_bulk_remove", params={"ids": [1, 3]})

    assert [each.headers["X-Count"] for each in (patched, removed)] == ["1", "1"]
    root = await User(client, transport, "root")("task_list")
    assert root.content == [TaskView(1, "a", False), TaskView(2, "x", False)]


@pytest.mark.parametrize("returned", [None, True, "owner"])
async def test_visible_that_returns_no_condition_shows_no_row(
    client_of: ClientOf, returned: Any
) -> None:
    class Forgotten(OwnTasks):
        def visible(self, request: Request) -> Any:
            return returned

    client = client_for(client_of, Forgotten, listeners=[Identity])
    user = User(client, "HTTP", "ada")
    await user("task_create", body={"title": "a"})

    calls = [
        await user("task_list"),
        await user("task_get", params={"id": 1}),
        await user("task_update", params={"id": 1}, body={"title": "x"}),
        await user("task_remove", params={"id": 1}),
        await user("task_patch", params={"ids": [1]}, body={"title": "x"}),
        await user("task_bulk_remove", params={"ids": [1]}),
    ]

    assert [response.status_code for response in calls] == [500] * 6


async def test_changes_are_pushed_to_clients_that_may_see_the_row(client: KernelClient) -> None:
    ada, bob = User(client, "HTTP", "ada"), User(client, "HTTP", "bob")
    seen_by_ada, seen_by_bob = await ada.watching(), await bob.watching()

    await ada("task_create", body={"title": "a"})
    await ada("task_update", params={"id": 1}, body={"done": True})
    await ada("task_update", params={"id": 1}, body={"done": True})  # changes nothing
    await ada("task_update", params={"id": 1}, body={"title": "give"})
    await bob("task_remove", params={"id": 1})

    assert seen_by_ada.emitted == [
        ("task_created", ({"id": 1, "title": "a", "done": False},)),
        ("task_changed", ({"id": 1, "title": "a", "done": True},)),
        ("task_removed", ({"id": 1},)),
    ]
    assert seen_by_bob.emitted == [
        ("task_created", ({"id": 1, "title": "give", "done": True},)),
        ("task_removed", ({"id": 1},)),
    ]


class DroppingTasks(OwnTasks):
    async def post_create(self, event: OperationEvent) -> None:
        if event.data.title == "never":
            await event.session.delete(event.data)

    @operation("POST", "/{id}/drop")
    async def drop(self, task: Annotated[Task, Row()], session: AsyncSession) -> None:
        await session.delete(task)

    @operation("POST", "/{id}/purge")
    async def purge(self, task: Annotated[Task, Row()], session: AsyncSession) -> TaskView:
        await session.execute(delete(Task).where(Task.id == task.id))
        return TaskView(task.id, task.title, task.done)


async def test_row_that_an_own_operation_or_a_hook_deletes_is_pushed_as_removed(
    client_of: ClientOf,
) -> None:
    client = client_for(client_of, DroppingTasks, listeners=[Identity])
    ada = User(client, "HTTP", "ada")
    await ada("task_bulk_create", body=[{"title": "a"}, {"title": "b"}])
    seen = await ada.watching()

    await ada("task_drop", params={"id": 1})
    purged = await ada("task_purge", params={"id": 2})
    await ada("task_create", body={"title": "never"})

    assert purged.content == TaskView(2, "b", False)
    assert (await ada("task_list")).content == []
    assert seen.emitted == [("task_removed", ({"id": 1},)), ("task_removed", ({"id": 2},))]


async def test_changes_of_bulk_operations_are_pushed(client: KernelClient) -> None:
    ada = User(client, "SOCKET", "ada")
    seen = await ada.watching()

    await ada("task_bulk_create", body=[{"title": "a"}, {"title": "b"}])
    await ada("task_patch", params={"ids": [1, 2]}, body={"done": True})
    await ada("task_bulk_remove", params={"ids": [1, 2]})

    assert [(event, args[0]["id"]) for event, args in seen.emitted] == [
        (f"task_{kind}", id) for kind in ("created", "changed", "removed") for id in (1, 2)
    ]


async def test_change_that_is_rolled_back_is_not_pushed(client: KernelClient) -> None:
    ada = User(client, "HTTP", "ada")
    await ada("task_create", body={"title": "a"})
    seen = await ada.watching()

    response = await ada("task_update", params={"id": 1}, body={"title": "forbidden"})

    assert (response.status_code, seen.emitted) == (403, [])


async def test_client_that_unwatches_gets_no_changes(client: KernelClient) -> None:
    ada = User(client, "HTTP", "ada")
    seen = await ada.watching()

    await client.websocket("task_unwatch", connection=seen)
    await ada("task_create", body={"title": "a"})

    assert seen.emitted == []


async def test_watch_is_not_a_route_over_http(client: KernelClient) -> None:
    await client.http("task_list")

    assert "task_watch" not in client.application.kernel.http_definitions
    pushes = client.application.kernel.websocket_definitions["task_watch"].pushes
    assert [event.name for event in pushes] == ["task_created", "task_changed", "task_removed"]
