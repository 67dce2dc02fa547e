"""Mistakes in resources are errors at boot, with the fix. All are reported together."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, cast

import attrs
import msgspec
import pytest
from msgspec import UNSET, UnsetType
from sqlalchemy import ColumnElement
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

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
    ResourcesBundle,
    Row,
    Update,
    UtcDateTime,
    Watch,
    operation,
    transaction,
)
from rxkernel import Application, ConfigurationError, Request, http
from tests.bundles.resources.operations.books import Book, BookView
from tests.bundles.resources.operations.tasks import (
    Base,
    NewTask,
    Note,
    Task,
    TaskView,
)


class OtherBase(DeclarativeBase):
    pass


class Pair(OtherBase):
    __tablename__ = "pair"

    first: Mapped[int] = mapped_column(primary_key=True)
    second: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)


@attrs.frozen
class PairView:
    name: str


@attrs.frozen
class WrongView:
    id: int
    tittle: str


@attrs.frozen
class WrongTask:
    title: str
    colour: str


async def problems_of(*controllers: Any) -> list[str]:
    app = Application(bundles=[ResourcesBundle(Base)], controllers=controllers)
    with pytest.raises(ConfigurationError) as caught:
        await app.boot()
    return list(caught.value.problems)


async def test_all_problems_of_a_resource_are_found_at_once() -> None:
    class Tasks(Resource[Task]):
        operations = (
            List(page=30, limit=20),
            Get(),
            Get(),
            cast(Any, Create),
            Update(WrongTask, method=cast(Any, "POST")),
            Patch(cast(Any, int), limit=0),
            BulkRemove(limit=cast(Any, True)),
        )
        filters = Filters(colour=("$eq",))
        view = TaskView

        async def pre_creat(self, event: OperationEvent) -> None: ...

        def post_get(self, event: OperationEvent) -> None: ...

        async def post_update(self) -> None: ...

    found = "\n".join(await problems_of(Tasks))

    for expected in (
        "has no path and no name; write class Tasks(Resource[…], path=",
        "has the operation 'get' twice; remove one",
        "has Create in its operations, which is not an operation; write Create()",
        "has update: its method is 'POST'; it must be 'PUT' or 'PATCH'",
        "has update: its input WrongTask has the field 'colour', which Task does not have",
        "has patch: its limit is 0; it must be a whole number, 1 or more",
        "has bulk_remove: its limit is True",
        "has patch: its input <class 'int'> has no fields",
        "has the hook pre_creat, but no such operation; possible are:",
        "has the hook post_get, which is not async",
        "has the hook post_update with other parameters",
    ):
        assert expected in found, found


async def test_problems_of_operations_view_and_key_are_found_together() -> None:
    class Tasks(Resource[Task], path="/tasks", name="task"):
        operations = (
            List(page=500, limit=20, path="/{id}"),
            Get(path="/x"),
            Create(NewTask, transports=cast(Any, "HTTP")),
            Update(WrongTask, path="/y/{key}"),
            Patch(NewTask, path="bulk", transports=()),
            BulkCreate(NewTask, path="/{id}"),
            BulkRemove(labels=cast(Any, ["x"])),
        )
        filters = cast(Any, {"title": ("$eq",)})
        view = WrongView
        key = "slug"

        @operation("POST", "/plain", transports=cast(Any, None))
        async def plain(self) -> None: ...

    found = "\n".join(await problems_of(Tasks))

    for expected in (
        "the view WrongView has the field 'tittle'",
        "has the key 'slug', which is not one of",
        "has filters = {'title': ('$eq',)}, which is not an instance of Filters; write",
        "has list: filters of Task: a page has 500 rows and at most 20",
        "has get: its path is '/x'; it must have {id}, the key of the row",
        "has create: its transports are 'HTTP'; write (Transport.HTTP,)",
        "has update: its input WrongTask has the field 'colour'",
        "has patch: its path is 'bulk'; it must be a text that begins with /",
        "has patch: its transports are ()",
        "has bulk_create: its path is '/{id}', but it takes no {id}; remove it",
        "has bulk_remove: its labels are ['x']; write a list of decorators",
        "has plain: its transports are None",
    ):
        assert expected in found, found


def operations_without_a_list() -> Any:
    class Tasks(Resource[Task], path="/tasks", name="task"):
        operations = cast(Any, Get())
        view = TaskView

    return Tasks


def path_with_another_key() -> Any:
    class Tasks(Resource[Task], path="/tasks", name="task"):
        operations = (Remove(path="/y/{key}"),)
        view = TaskView

    return Tasks


def no_entity() -> Any:
    class Tasks(Resource, path="/tasks", name="task"):  # type: ignore[type-arg]
        operations = (Get(),)
        view = TaskView

    return Tasks


def not_mapped() -> Any:
    class Tasks(Resource[TaskView], path="/tasks", name="task"):
        operations = (Get(),)
        view = TaskView

    return Tasks


def no_operations() -> Any:
    class Tasks(Resource[Task], path="/tasks", name="task"):
        view = TaskView

    return Tasks


def no_view() -> Any:
    class Tasks(Resource[Task], path="/tasks", name="task"):
        operations = (Get(),)

    return Tasks


def wrong_view() -> Any:
    class Tasks(Resource[Task], path="/tasks", name="task"):
        operations = (Get(),)
        view = WrongView

    return Tasks


def two_keys() -> Any:
    class Pairs(Resource[Pair], path="/pairs", name="pair"):
        operations = (Get(),)
        view = PairView

    return Pairs


def unknown_key() -> Any:
    class Tasks(Resource[Task], path="/tasks", name="task"):
        operations = (Get(),)
        view = TaskView
        key = "slug"

    return Tasks


def key_not_unique() -> Any:
    class Tasks(Resource[Task], path="/tasks", name="task"):
        operations = (Get(),)
        view = TaskView
        key = "title"

    return Tasks


def visible_without_rooms() -> Any:
    class Tasks(Resource[Task], path="/tasks", name="task"):
        operations = (Get(), Watch())
        view = TaskView

        def visible(self, request: Request) -> ColumnElement[bool]:
            return Task.owner == str(request.user)

    return Tasks


def watch_in_namespaces() -> Any:
    class Tasks(Resource[Task], path="/tasks", name="task", namespace="/team/{team}"):
        operations = (Watch(),)
        view = TaskView

    return Tasks


def table_of_no_database() -> Any:
    class Pairs(Resource[Pair], path="/pairs", name="pair"):
        operations = (List(),)
        view = PairView
        key = "name"

    return Pairs


def no_transaction() -> Any:
    @transaction(None)
    class Tasks(Resource[Task], path="/tasks", name="task"):
        operations = (Get(),)
        view = TaskView

    return Tasks


def row_without_id() -> Any:
    class Tasks(Resource[Task], path="/tasks", name="task"):
        view = TaskView

        @operation("POST", "/finish")
        async def finish(self, task: Annotated[Task, Row()]) -> None: ...

    return Tasks


def row_of_another_entity() -> Any:
    class Tasks(Resource[Task], path="/tasks", name="task"):
        view = TaskView

        @operation("POST", "/{id}/finish")
        async def finish(self, task: Annotated[Note, Row()]) -> None: ...

    return Tasks


def own_operations() -> Any:
    class Tasks(Resource[Task], path="/tasks", name="task"):
        view = TaskView

        @operation("POST", "/plain")
        def plain(self) -> None: ...

        @operation("POST", "/{id}/two")
        async def two(
            self, one: Annotated[Task, Row()], other: Annotated[Task, Row()]
        ) -> None: ...

        @operation("POST", "/unknown")
        async def unknown(self, value: "Missing") -> None: ...  # type: ignore[name-defined] # noqa: F821

        @operation("POST", "/rest")
        async def rest(self, **values: Any) -> None: ...

        @operation("POST", "/{id}/taken")
        async def taken(self, task: Annotated[Task, Row()], id: int) -> None: ...

    return Tasks


async def test_problems_of_own_operations_are_found_at_once() -> None:
    found = "\n".join(await problems_of(own_operations()))

    for expected in (
        "has plain: it is not async; write async def plain",
        "has two: it takes several rows: one, other; take one",
        "has unknown: its annotations cannot be read: name 'Missing' is not defined",
        "has rest: it takes **values: Any; name every parameter",
        "has taken: it takes 'id', which the bundle passes itself; rename it",
    ):
        assert expected in found, found


def relation_in_input() -> Any:
    @attrs.frozen
    class NewBook:
        tags: list[str]

    class Books(Resource[Book], path="/books", name="book"):
        operations = (Create(NewBook),)
        view = BookView

    return Books


def row_in_a_controller() -> Any:
    class Tasks:
        @http("GET", "/tasks/{id}", "task")
        async def show(self, task: Annotated[Task, Row()]) -> None: ...

    return Tasks


def wrong_path() -> Any:
    class Tasks(Resource[Task], path="tasks", name="task"):
        operations = (Get(),)
        view = TaskView

    return Tasks


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (
            operations_without_a_list,
            "has operations = Get(",
        ),
        (path_with_another_key, "has remove: its path is '/y/{key}'; it must have {id}"),
        (no_entity, "names no entity; write class Tasks(Resource[Task], …)"),
        (not_mapped, "is for TaskView, which is not a mapped class"),
        (no_operations, "has no operations; write operations = [List(), Get()]"),
        (no_view, "has no view; write view = TaskView"),
        (wrong_view, "the view WrongView has the field 'tittle', which Task does not have"),
        (two_keys, "is for Pair, whose primary key has 2 columns; set key to"),
        (unknown_key, "has the key 'slug', which is not one of id, title"),
        (key_not_unique, "has the key 'title', which is not unique; add unique=True"),
        (visible_without_rooms, "rows that they may not see; override room_of and rooms_of"),
        (watch_in_namespaces, "the namespace '/team/{team}' has parameters, but changes are"),
        (table_of_no_database, "Pair has no table in any database; derive it from the base of"),
        (no_transaction, "a resource needs a transaction; remove @transaction(None)"),
        (row_without_id, "its path is '/finish'; it must have {id} if, and only if"),
        (row_of_another_entity, "task is not Annotated[Task, Row()]"),
        (relation_in_input, "has the field 'tags', which is a relation of Book; remove it, or"),
        (row_in_a_controller, "Row() is for methods of a resource with @operation(…)"),
        (wrong_path, "'tasks"),
    ],
    ids=lambda given: getattr(given, "__name__", ""),
)
async def test_mistake_in_a_resource_is_a_problem_at_boot(
    make: Callable[[], Any], problem: str
) -> None:
    found = await problems_of(make())

    assert len(found) == 1, found
    assert problem in found[0]


class VisitBase(DeclarativeBase):
    pass


class Meeting(VisitBase):
    __tablename__ = "meeting"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    noted: Mapped[datetime]


@attrs.frozen
class MeetingView:
    id: int


@attrs.frozen
class NewMeeting:
    at: datetime
    noted: datetime | None = None


@attrs.frozen
class MeetingChange:
    at: Annotated[datetime, msgspec.Meta(tz=True)] | UnsetType = UNSET
    noted: Annotated[datetime, msgspec.Meta(tz=False)] | UnsetType = UNSET


class Meetings(Resource[Meeting], path="/meetings", name="meeting"):
    operations = (Create(NewMeeting), Update(MeetingChange))
    view = MeetingView


async def test_input_with_a_time_of_unknown_time_zone_is_an_error() -> None:
    """The database would drop a time zone that its column does not have."""
    app = Application(bundles=[ResourcesBundle(VisitBase)], controllers=[Meetings])
    with pytest.raises(ConfigurationError) as caught:
        await app.boot()
    text = "its input NewMeeting has the field {0!r}, a datetime with or without a time zone"
    assert [
        text.format(name) in problem
        for name, problem in zip(("at", "noted"), caught.value.problems, strict=True)
    ] == [True, True]
    assert "the column needs a time zone; write Annotated[datetime, msgspec.Meta(tz=True)]" in str(
        caught.value
    )
    assert "the column has no time zone; write Annotated[datetime, msgspec.Meta(tz=False)]" in str(
        caught.value
    )
