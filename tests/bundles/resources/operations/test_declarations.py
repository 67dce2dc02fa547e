"""How resources are declared: inheritance, arguments of operations, instances, reloads."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from bundles.resources import (
    Create,
    Databases,
    DatabaseSettings,
    Get,
    List,
    Operation,
    OperationEvent,
    Patch,
    Resource,
    ResourcesBundle,
    ResourcesSettings,
    Row,
    Update,
    operation,
)
from rxkernel import KernelClient, Request, Settings, Transport
from rxkernel.pytest_plugin import ClientOf
from tests.bundles.resources.operations.tasks import (
    Base,
    NewTask,
    NoteText,
    NoteView,
    Task,
    TaskChange,
    TaskView,
    client_for,
)


class BaseResource(Resource[Task]):
    """A resource without a path, for subclasses."""

    operations: ClassVar[Sequence[Operation]] = (Get(), Create(NewTask))
    view = TaskView

    def __init__(self) -> None:
        self.seen: list[str] = []

    async def post_create(self, event: OperationEvent) -> None:
        self.seen.append(event.data.title)

    @operation("POST", "/{id}/finish")
    async def finish(self, task: Annotated[Task, Row()]) -> None:
        task.done = True


class TaskResource(BaseResource, path="/v1/tasks/", name="task", namespace="/tasks"):
    operations = (
        *BaseResource.operations,
        Update(TaskChange, method="PATCH", path="/{id}/fields"),
        Patch(TaskChange, transports=(Transport.SOCKET,)),
    )

    async def finish(self, task: Annotated[Task, Row()]) -> None:
        task.title += "!"


def routes(client: KernelClient) -> list[tuple[str, str, str]]:
    kernel = client.application.kernel
    return [
        *((d.name, d.method, d.path) for d in kernel.http_definitions),
        *((d.name, "event", d.namespace) for d in kernel.websocket_definitions),
    ]


async def test_subclass_has_the_operations_hooks_and_methods_of_its_base(
    client_of: ClientOf,
) -> None:
    client = client_for(client_of, TaskResource)

    await client.http("task_create", body={"title": "a"})
    await client.websocket("/tasks:task_finish", params={"id": 1})

    assert (await client.http("task_get", params={"id": 1})).content == TaskView(1, "a!", False)
    assert routes(client) == [
        ("task_get", "GET", "/v1/tasks/{id:int}"),
        ("task_create", "POST", "/v1/tasks"),
        ("task_update", "PATCH", "/v1/tasks/{id:int}/fields"),
        ("task_finish", "POST", "/v1/tasks/{id:int}/finish"),
        ("task_get", "event", "/tasks"),
        ("task_create", "event", "/tasks"),
        ("task_update", "event", "/tasks"),
        ("task_patch", "event", "/tasks"),
        ("task_finish", "event", "/tasks"),
    ]


async def test_instance_of_a_resource_is_served(client_of: ClientOf) -> None:
    resource = TaskResource()
    client = client_for(client_of, resource)

    await client.http("task_create", body={"title": "a"})

    assert resource.seen == ["a"]


class Reloaded(TaskResource, path="/tasks", name="task", namespace="/"):
    async def post_create(self, event: OperationEvent) -> None:
        self.seen.append("reloaded")


async def test_reload_replaces_a_resource_and_its_hooks_run_once(client_of: ClientOf) -> None:
    first, second = TaskResource(), Reloaded()
    client = client_for(client_of, first)
    await client.http("task_create", body={"title": "a"})

    application: Any = client.application
    await application.reload(remove=[first], controllers=[second])
    await client.http("task_create", body={"title": "b"})

    assert (first.seen, second.seen) == (["a"], ["reloaded"])


class OwnersTasks(Resource[Task], path="/owners/{owner}/tasks", name="task"):
    """The rows of the owner in the path."""

    operations = (List(page=1), Get(), Create(NewTask))
    view = TaskView

    def visible(self, request: Request) -> ColumnElement[bool]:
        return Task.owner == request.param("owner", str)

    def build(self, sent: NewTask, request: Request) -> Task:
        return Task(title=sent.title, owner=request.param("owner", str))


async def test_path_of_a_resource_may_have_parameters(client_of: ClientOf) -> None:
    client = client_for(client_of, OwnersTasks)

    for owner in ("ada", "ada", "bob"):
        created = await client.http("task_create", params={"owner": owner}, body={"title": "a"})
    listed = await client.http("task_list", params={"owner": "ada"})

    assert created.headers["Location"] == "/owners/bob/tasks/3"
    assert listed.headers["X-Total"] == "2"
    assert listed.headers["Link"].startswith("<?cursor=")
    found = [
        (await client.http("task_get", params={"owner": owner, "id": 3})).status_code
        for owner in ("ada", "bob")
    ]
    assert found == [404, 200]
    assert (await client.websocket("task_list", params={"owner": "bob"})).content == [
        TaskView(3, "a", False)
    ]


class Uncounted(Resource[Task], path="/tasks", name="task"):
    operations = (List(total=False),)
    view = TaskView


async def test_list_without_total_counts_nothing(client_of: ClientOf) -> None:
    response = await client_for(client_of, Uncounted).http("task_list")

    assert "X-Total" not in response.headers


class ReportsBase(DeclarativeBase):
    pass


class Report(ReportsBase):
    __tablename__ = "report"

    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str] = mapped_column()


class ReportResource(Resource[Report], path="/reports", name="report"):
    operations = (Create(NoteText), Get())
    view = NoteView


async def test_rows_of_a_resource_are_in_the_database_of_its_table(
    client_of: ClientOf, tmp_path: Path
) -> None:
    reports = DatabaseSettings(url=f"sqlite+aiosqlite:///{tmp_path / 'reports.sqlite3'}")
    client = client_of(
        TaskResource,
        ReportResource,
        bundles=[ResourcesBundle(Base, databases={"reports": ReportsBase})],
        settings=Settings(
            bundles={"resources": ResourcesSettings(databases={"reports": reports})}
        ),
        database="memory",
    )

    await client.http("report_create", body={"text": "a"})

    assert (await client.http("report_get", params={"id": 1})).content == NoteView(1, "a")
    sessions = client.application.injector.get(Databases)["reports"].session()
    async with sessions as session:
        assert (await session.scalars(select(Report.text))).all() == ["a"]
