"""Optimistic locking: RFC 9110 §13.1 (If-Match, If-None-Match) and RFC 6585 §3 (428)."""

import asyncio
from typing import Any

import pytest

from bundles.resources import (
    Create,
    Get,
    OperationEvent,
    Remove,
    Resource,
    ResourcesBundle,
    ResourcesSettings,
    Update,
)
from rxkernel import KernelClient, Settings
from rxkernel.pytest_plugin import ClientOf
from tests.bundles.resources.operations.tasks import (
    Base,
    Caller,
    NewTask,
    Note,
    NoteText,
    NoteView,
    Task,
    TaskChange,
    TaskView,
    client_for,
    create_tables,
)
from tests.bundles.resources.servers import TestDatabase


class TaskResource(Resource[Task], path="/tasks", name="task"):
    operations = (Get(), Create(NewTask), Update(TaskChange), Remove())
    view = TaskView


class NoteResource(Resource[Note], path="/notes", name="note"):
    """A table without a version column."""

    operations = (Get(), Create(NoteText), Update(NoteText, require_match=True), Remove())
    view = NoteView


@pytest.fixture
def client(client_of: ClientOf) -> KernelClient:
    return client_for(client_of, TaskResource, NoteResource)


@pytest.fixture(params=["HTTP", "SOCKET"])
def call(client: KernelClient, request: pytest.FixtureRequest) -> Caller:
    return Caller(client, request.param)


def expecting(call: Caller, version: str) -> dict[str, Any]:
    """The condition that the client has read *version*, an ETag."""
    if call.transport == "HTTP":
        return {"params": {"id": 1}, "headers": {"If-Match": version}}
    return {"params": {"id": 1, "version": version}}


@pytest.mark.parametrize("name", ["task", "note"])
async def test_change_of_the_read_version_is_made_and_of_another_is_412(
    call: Caller, name: str
) -> None:
    body = {"title": "b"} if name == "task" else {"text": "b"}
    created = await call(f"{name}_create", body=dict.fromkeys(body, "a"))
    read = (await call(f"{name}_get", params={"id": 1})).headers["ETag"]
    assert read == created.headers["ETag"]

    first = await call(f"{name}_update", body=body, **expecting(call, read))
    second = await call(f"{name}_update", body=body, **expecting(call, read))
    removal = await call(f"{name}_remove", **expecting(call, read))

    assert [first.status_code, second.status_code, removal.status_code] == [204, 412, 412]
    assert second.content["code"] == "other_version"
    read = first.headers["ETag"]
    assert (await call(f"{name}_get", params={"id": 1})).headers["ETag"] == read
    assert (await call(f"{name}_remove", **expecting(call, read))).status_code == 204


async def test_if_match_with_several_tags_matches_one_of_them(client: KernelClient) -> None:
    """A weak tag is accepted: compression weakens the tags of responses."""
    await client.http("task_create", body={"title": "a"})

    async def status_of(header: str) -> int:
        response = await client.http(
            "task_update", params={"id": 1}, body={}, headers={"If-Match": header}
        )
        return response.status_code

    for header in ('"1"', '"0", "1"', 'W/"1"', "*"):
        assert await status_of(header) == 204, header
    for header in ('"0", "2"', "x", "", '""'):
        assert await status_of(header) == 412, header


async def test_version_over_a_socket_is_a_number_or_a_tag(client: KernelClient) -> None:
    await client.websocket("task_create", body={"title": "a"})

    for version, status in ((1, 204), ("1", 204), ('"1"', 204), (2, 412)):
        response = await client.websocket(
            "task_update", params={"id": 1, "version": version}, body={}
        )
        assert response.status_code == status, version


async def test_change_without_a_required_version_is_428(call: Caller) -> None:
    response = await call("note_update", params={"id": 1}, body={"text": "b"})

    assert (response.status_code, response.content["code"]) == (428, "version_required")


async def test_absent_row_with_an_expected_version_is_404(call: Caller) -> None:
    assert (await call("task_update", body={}, **expecting(call, '"1"'))).status_code == 404


class PausedTasks(TaskResource):
    """Both writers have read the row before one of them writes."""

    def __init__(self) -> None:
        self.barrier = asyncio.Barrier(2)

    async def pre_update(self, event: OperationEvent) -> None:
        await self.barrier.wait()

    async def pre_remove(self, event: OperationEvent) -> None:
        await self.barrier.wait()


@pytest.mark.parametrize("is_conditional", [True, False])
async def test_two_writers_of_one_version_never_lose_a_change(
    client_of: ClientOf, any_database: TestDatabase, is_conditional: bool
) -> None:
    """SQLite lets one transaction at a time write: the second reads the change of the first."""
    is_sqlite = any_database.dialect == "sqlite"
    settings = ResourcesSettings(url=any_database.url, create_tables=True)
    client = client_of(
        TaskResource if is_sqlite else PausedTasks,
        bundles=[ResourcesBundle(Base)],
        settings=Settings(bundles={"resources": settings}),
    )
    await create_tables(client.application)
    await client.http("task_create", body={"title": "a"})
    headers = {"If-Match": '"1"'} if is_conditional else {}

    responses = await asyncio.gather(
        *(
            client.http("task_update", params={"id": 1}, body={"title": title}, headers=headers)
            for title in "bc"
        )
    )

    lost = 412 if is_conditional else 409
    expected = [204, 204] if is_sqlite and not is_conditional else [204, lost]
    assert sorted(response.status_code for response in responses) == expected


async def test_two_removals_of_one_row_remove_it_once(
    client_of: ClientOf, any_database: TestDatabase
) -> None:
    is_sqlite = any_database.dialect == "sqlite"
    settings = ResourcesSettings(url=any_database.url)
    client = client_of(
        TaskResource if is_sqlite else PausedTasks,
        NoteResource,
        bundles=[ResourcesBundle(Base)],
        settings=Settings(bundles={"resources": settings}),
    )
    await create_tables(client.application)
    await client.http("task_create", body={"title": "a"})
    await client.http("note_create", body={"text": "a"})

    async def statuses(name: str) -> list[int]:
        removals = (client.http(f"{name}_remove", params={"id": 1}) for _ in range(2))
        return sorted(response.status_code for response in await asyncio.gather(*removals))

    assert await statuses("note") == [204, 404]
    assert await statuses("task") == [204, 404 if is_sqlite else 409]
