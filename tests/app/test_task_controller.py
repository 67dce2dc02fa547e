"""The tasks of the sample application: both transports have the same rules."""

import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from rxkernel import KernelClient, Response, StreamResponse
from rxkernel.pytest_plugin import ClientOf
from tests.app.board import board_of

Ask = Callable[..., Awaitable[Response]]


@pytest.fixture
def client(client_of: ClientOf, tmp_path: Path) -> KernelClient:
    return client_of(board_of(tmp_path))


@pytest.fixture(params=["http", "websocket"])
def ask(client: KernelClient, request: pytest.FixtureRequest) -> Ask:
    """Asks by name over one transport; a test runs once for each."""
    method: Ask = getattr(client, request.param)
    return method


async def text_of(response: Response) -> str:
    assert isinstance(response, StreamResponse)
    return "".join([str(piece) async for piece in response.content])


async def test_task_is_created_shown_changed_and_deleted(ask: Ask) -> None:
    created = await ask("task_create", body={"title": "Water the plants"})
    id = created.content.id
    assert (created.status_code, created.headers["Location"]) == (201, f"/tasks/{id}")
    assert (created.content.title, created.content.done) == ("Water the plants", False)
    assert (await ask("task_show", params={"id": id})).content == created.content

    changed = await ask("task_change", params={"id": id}, body={"done": True})
    assert (changed.content.title, changed.content.done) == ("Water the plants", True)
    renamed = await ask("task_change", params={"id": id}, body={"title": "Feed the cat"})
    assert (renamed.content.title, renamed.content.done) == ("Feed the cat", True)
    assert (await ask("task_list")).content == [renamed.content]

    deleted = await ask("task_delete", params={"id": id})
    assert (deleted.status_code, deleted.content) == (204, None)
    assert (await ask("task_list")).content == []


async def test_task_created_over_one_transport_is_listed_over_both(client: KernelClient) -> None:
    await client.http("task_create", body={"title": "over HTTP"})
    await client.websocket("task_create", body={"title": "over a socket"})

    over_http = (await client.http("task_list")).content
    assert [task.title for task in over_http] == ["over HTTP", "over a socket"]
    assert (await client.websocket("task_list")).content == over_http


async def test_title_white_space_becomes_single_spaces(ask: Ask) -> None:
    created = await ask("task_create", body={"title": "  Water\n the\tplants "})

    assert created.content.title == "Water the plants"


@pytest.mark.parametrize("name", ["task_show", "task_change", "task_delete"])
async def test_task_unknown_id_is_404(ask: Ask, name: str) -> None:
    """A listener of kernel.exception turns the error of the repository into the response."""
    response = await ask(name, params={"id": 7}, body={"done": True})

    assert response.content == {
        "statusCode": 404,
        "message": "task 7 not found",
        "code": "task_not_found",
    }


async def test_task_id_after_deletion_is_not_reused(ask: Ask) -> None:
    first = (await ask("task_create", body={"title": "first"})).content
    await ask("task_delete", params={"id": first.id})

    second = (await ask("task_create", body={"title": "second"})).content

    assert second.id != first.id
    assert (await ask("task_show", params={"id": first.id})).status_code == 404


TITLE = {"body.title": "must be a string of 1 to 200 characters"}


def errors_of(response: Response) -> dict[str, str]:
    """The messages of the errors by path."""
    assert response.status_code == 422
    return {error["path"]: error["message"] for error in response.content["errors"]}


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, {"body.title": "is missing"}),
        ({"title": ""}, TITLE),
        ({"title": " \n "}, TITLE),
        ({"title": "x" * 201}, TITLE),
        ({"title": None}, {"body.title": "expected str, got null"}),
        ({"title": 5}, {"body.title": "expected str, got int"}),
        ({"title": "a", "done": True}, {"body.done": "is not a known field"}),
        (
            {"title": 5, "id": 1},
            {"body.title": "expected str, got int", "body.id": "is not a known field"},
        ),
        (None, {"body": "is missing"}),
        ([], {"body": "expected object, got array"}),
        ("Water the plants", {"body": "expected object, got str"}),
    ],
)
async def test_create_invalid_title_is_422(ask: Ask, body: Any, errors: dict[str, str]) -> None:
    assert errors_of(await ask("task_create", body=body)) == errors
    assert (await ask("task_list")).content == []


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, {"body": "changes nothing; send a title or done"}),
        ({"done": None}, {"body": "changes nothing; send a title or done"}),
        ({"title": ""}, TITLE),
        ({"done": 1}, {"body.done": "expected bool, got int"}),
        ({"done": True, "created": "2000-01-01"}, {"body.created": "is not a known field"}),
    ],
)
async def test_change_invalid_input_is_422_and_changes_nothing(
    ask: Ask, body: Any, errors: dict[str, str]
) -> None:
    task = (await ask("task_create", body={"title": "as it was"})).content

    assert errors_of(await ask("task_change", params={"id": task.id}, body=body)) == errors
    assert (await ask("task_list")).content == [task]


@pytest.mark.parametrize("id", [None, "x", 1.5, True, [], 0, 2**63])
async def test_task_id_over_socket_invalid_is_422(client: KernelClient, id: Any) -> None:
    """Over HTTP the converter of the path rejects most of these."""
    assert set(errors_of(await client.websocket("task_show", params={"id": id}))) == {"params.id"}


async def test_change_over_socket_is_sent_to_other_clients(client: KernelClient) -> None:
    async with client.connection() as author, client.connection() as other:
        task = await client.websocket("task_create", body={"title": "Tea"}, connection=author)
        id = {"id": task.content.id}
        await client.websocket("task_change", params=id, body={"done": True}, connection=author)
        await client.websocket("task_delete", params=id, connection=author)

    assert author.emitted == []
    assert [event for event, _ in other.emitted] == [
        "task_created",
        "task_changed",
        "task_deleted",
    ]
    (created,), (changed,), (deleted,) = (args for _, args in other.emitted)
    assert (created["title"], created["done"]) == ("Tea", False)
    assert changed == created | {"done": True}
    assert deleted == id


async def test_change_over_http_is_sent_to_all_sockets(client: KernelClient) -> None:
    async with client.connection() as one, client.connection() as another:
        await client.http("task_create", body={"title": "Tea"})

    assert [event for event, _ in one.emitted] == ["task_created"]
    assert one.emitted == another.emitted


async def test_change_rejected_sends_no_event(client: KernelClient) -> None:
    async with client.connection() as other:
        await client.http("task_create", body={"title": ""})
        await client.http("task_delete", params={"id": 7})

    assert other.emitted == []


async def test_csv_download_contains_all_tasks(client: KernelClient) -> None:
    """RFC 4180: lines end with CRLF; texts with a comma or a quote are in quotes."""
    for title in ('Tea, "green"', "=1+1", "Grüße"):
        await client.http("task_create", body={"title": title})
    await client.http("task_change", params={"id": 3}, body={"done": True})

    response = await client.http("task_csv")
    heading, *lines = (await text_of(response)).split("\r\n")

    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert response.headers["Content-Disposition"] == 'attachment; filename="tasks.csv"'
    assert heading == "id,title,done,created"
    assert [line.rpartition(",")[0] for line in lines] == [
        '1,"Tea, ""green""",False',
        "2,'=1+1,False",
        "3,Grüße,True",
        "",
    ]


async def test_response_has_server_timing(ask: Ask, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "app")

    response = await ask("task_list")

    name, _, duration = response.headers["Server-Timing"].partition(";dur=")
    assert name == "kernel"
    assert float(duration) >= 0
    assert "task_list 200 in" in caplog.text


async def test_response_without_route_has_no_server_timing(client: KernelClient) -> None:
    """The listener of `kernel.request`, which starts the clock, does not run."""
    response = await client.http("task_show", params={"id": "no number"})

    assert response.status_code == 404
    assert "Server-Timing" not in response.headers
