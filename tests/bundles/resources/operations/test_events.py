"""Hooks and events of operations: RxStack's acceptance check 63."""

from typing import Annotated, Any, cast

import attrs
import pytest
from injector import inject, singleton
from sqlalchemy.ext.asyncio import AsyncSession

from bundles.resources import (
    AfterCommit,
    Create,
    Envelope,
    Get,
    List,
    OperationEvent,
    Remove,
    Resource,
    Row,
    Slice,
    Update,
    View,
    operation,
)
from rxkernel import (
    ForbiddenException,
    KernelClient,
    RedirectResponse,
    Request,
    Response,
    observe,
)
from rxkernel.pytest_plugin import ClientOf
from tests.bundles.resources.operations.tasks import (
    Caller,
    NewTask,
    Task,
    TaskChange,
    TaskView,
    client_for,
)


class Log:
    """The hooks that ran, and the actions that a test gives to hooks."""

    def __init__(self) -> None:
        self.entries: list[str] = []
        self.responses: dict[str, Response] = {}
        self.stops: set[str] = set()
        self.errors: dict[str, Exception] = {}

    async def note(self, text: str) -> None:
        self.entries.append(text)

    async def add(self, name: str, event: OperationEvent) -> None:
        self.entries.append(name)
        if name in self.errors:
            raise self.errors[name]
        if name in self.responses:
            event.set_response(self.responses[name])
        if name in self.stops:
            event.stop_propagation()


class HookedResource(Resource[Task], path="/tasks", name="task"):
    operations = (List(), Get(), Create(NewTask), Update(TaskChange), Remove())
    view = TaskView

    @inject
    def __init__(self, log: Log) -> None:
        self.log = log

    async def pre_create(self, event: OperationEvent) -> None:
        event.data.owner = "ada"
        await self.log.add("pre_create", event)

    async def post_create(self, event: OperationEvent) -> None:
        await self.log.add("post_create", event)

    async def pre_update(self, event: OperationEvent) -> None:
        event.input = attrs.evolve(event.input, title=f"{event.data.title}+{event.input.title}")
        await self.log.add("pre_update", event)

    async def post_get(self, event: OperationEvent) -> None:
        event.status_code = 203

    async def pre_finish(self, event: OperationEvent) -> None:
        await self.log.add(f"pre_finish {event.data.title}", event)

    async def post_finish(self, event: OperationEvent) -> None:
        await self.log.add(f"post_finish {event.data.done}", event)

    @operation("POST", "/{id}/finish")
    async def finish(
        self,
        task: Annotated[Task, Row()],
        session: AsyncSession,
        after: AfterCommit,
        note: str = "",
    ) -> Annotated[Task, View(TaskView)]:
        """Finish a task."""
        assert task in session
        after.run(self.log.note, "committed")
        task.done, task.title = True, f"{task.title}{note}"
        return task

    @operation("GET", "/page")
    async def page(self) -> Slice[TaskView]:
        return Slice([TaskView(1, "a", False)], total=3, limit=1)

    @operation("GET", "/wrapped")
    async def wrapped(self) -> Annotated[TaskView, Envelope("task")]:
        return TaskView(1, "a", False)

    async def post_wrapped(self, event: OperationEvent) -> None:
        event.status_code = 203

    @operation("GET", "/count")
    async def count(self, request: Request) -> dict[str, Any]:
        return {"count": 3, "path": request.route_name}


class Listeners:
    @inject
    def __init__(self, log: Log) -> None:
        self.log = log

    @observe("task.create.pre_execute", priority=1)
    async def earlier(self, event: OperationEvent) -> None:
        await self.log.add("earlier", event)

    @observe("task.create.pre_execute", priority=-1)
    async def later(self, event: OperationEvent) -> None:
        await self.log.add("later", event)


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def client(client_of: ClientOf, log: Log) -> KernelClient:
    return client_for(
        client_of,
        HookedResource,
        listeners=[Listeners],
        modules=[lambda binder: binder.bind(Log, to=log, scope=singleton)],
    )


@pytest.fixture(params=["HTTP", "SOCKET"])
def call(client: KernelClient, request: pytest.FixtureRequest) -> Caller:
    return Caller(client, request.param)


async def test_hooks_run_with_the_listeners_by_priority(call: Caller, log: Log) -> None:
    assert (await call("task_create", body={"title": "a"})).status_code == 201

    assert log.entries == ["earlier", "pre_create", "later", "post_create"]


async def test_response_before_the_execution_is_sent_and_nothing_is_executed(
    call: Caller, log: Log
) -> None:
    log.responses["pre_create"] = Response({"any": "content"}, 202)

    response = await call("task_create", body={"title": "a"})

    assert (response.status_code, response.content) == (202, {"any": "content"})
    assert log.entries == ["earlier", "pre_create"]
    assert (await call("task_list")).content == []


async def test_response_after_the_execution_is_sent(call: Caller, log: Log) -> None:
    log.responses["post_create"] = Response({"any": "content"}, 202)

    response = await call("task_create", body={"title": "a"})

    assert (response.status_code, response.content) == (202, {"any": "content"})
    assert len((await call("task_list")).content) == 1


async def test_stop_before_the_execution_keeps_the_other_phase(call: Caller, log: Log) -> None:
    """In RxStack both phases share one event, so a stop before the execution skips the hooks after
    it."""
    log.stops.add("earlier")

    response = await call("task_create", body={"title": "a"})

    assert response.status_code == 201
    assert log.entries == ["earlier", "post_create"]


@pytest.mark.parametrize("phase", ["pre_create", "post_create"])
async def test_hook_that_raises_rolls_back(call: Caller, log: Log, phase: str) -> None:
    log.errors[phase] = ForbiddenException("not now")

    assert (await call("task_create", body={"title": "a"})).status_code == 403
    assert (await call("task_list")).content == []


async def test_hook_changes_the_input_and_the_status(call: Caller) -> None:
    await call("task_create", body={"title": "a"})

    assert (await call("task_update", params={"id": 1}, body={"title": "b"})).status_code == 204
    response = await call("task_get", params={"id": 1})
    assert (response.status_code, response.content.title) == (203, "a+b")


async def test_own_operation_receives_the_row_and_runs_its_hooks(call: Caller, log: Log) -> None:
    await call("task_create", body={"title": "a"})
    log.entries.clear()

    response = await call("task_finish", params={"id": 1, "note": "!"})

    assert (response.status_code, response.content) == (200, TaskView(1, "a!", True))
    assert log.entries == ["pre_finish a", "post_finish True", "committed"]
    assert (await call("task_finish", params={"id": 2})).status_code == 404


async def test_own_operation_returns_its_own_data_with_200(call: Caller) -> None:
    response = await call("task_count")

    assert (response.status_code, response.content) == (200, {"count": 3, "path": "task_count"})


async def test_own_operation_returns_envelopes_and_slices(call: Caller) -> None:
    wrapped, page = await call("task_wrapped"), await call("task_page")

    assert (wrapped.status_code, wrapped.content) == (203, {"task": TaskView(1, "a", False)})
    assert (page.content, page.headers["X-Total"]) == ([TaskView(1, "a", False)], "3")


async def test_hook_response_keeps_its_headers(call: Caller, log: Log) -> None:
    response = Response("any", headers={"X-One": "1"})
    response.set_cookie("a", "1")
    response.set_cookie("b", "2")
    log.responses["post_create"] = response

    sent = await call("task_create", body={"title": "a"})

    assert (sent.content, sent.headers["X-One"]) == ("any", "1")
    assert len(sent.headers.getall("Set-Cookie")) == 2


async def test_response_of_a_hook_may_be_of_a_subclass(client: KernelClient, log: Log) -> None:
    log.responses["pre_create"] = RedirectResponse("/elsewhere", 303)

    response = await client.http("task_create", body={"title": "a"})

    assert (response.status_code, response.headers["Location"]) == (303, "/elsewhere")


async def test_value_that_is_not_a_response_is_an_error_in_the_hook(
    client: KernelClient, log: Log, caplog: pytest.LogCaptureFixture
) -> None:
    log.responses["pre_create"] = cast(Any, {"any": "content"})

    assert (await client.http("task_create", body={"title": "a"})).status_code == 500
    assert "TypeError: {'any': 'content'} is not a Response" in caplog.text
