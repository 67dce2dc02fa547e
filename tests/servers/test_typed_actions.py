"""Typed actions over real HTTP and a real socket: the same values, the same misfits."""

from typing import Annotated, Any

import aiohttp
import attrs
import pytest

from rxkernel import Connection, Header, Query, UploadedFile, http, websocket
from tests.servers.conftest import Serve, http_url
from tests.servers.socketio_clients import client


@attrs.frozen
class Task:
    title: str
    tags: list[str] = attrs.field(factory=list)


class Tasks:
    @http("POST", "/tasks/{id:int}", "task")
    @websocket("task")
    async def task(
        self,
        id: int,
        task: Task,
        connection: Connection | None,
        tag: Annotated[list[str] | None, Query()] = None,
        user_agent: Annotated[str | None, Header()] = None,
    ) -> dict[str, Any]:
        known = user_agent is not None and (connection is None or bool(connection.id))
        return {"id": id, "task": task, "tag": tag, "known": known}

    @http("POST", "/photos", "photo")
    async def photo(self, title: str, photo: UploadedFile) -> list[Any]:
        return [title, photo.filename, len(photo.content)]


BAD = {"title": 5, "tags": ["a", 1], "secret": 1}
MISFITS = {
    "statusCode": 422,
    "message": "the request does not fit; see errors",
    "errors": [
        {"path": "body.title", "message": "expected str, got int"},
        {"path": "body.tags[1]", "message": "expected str, got int"},
        {"path": "body.secret", "message": "is not known"},
    ],
}


async def test_values_and_misfits_are_the_same_on_both_transports(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    application = await serve(Tasks)
    url = http_url(application, "/tasks/7?tag=a&tag=b")
    async with session.post(url, json={"title": "Tea"}) as answer:
        over_http = await answer.json()
    async with session.post(url, json=BAD) as answer:
        bad_over_http = (answer.status, await answer.json())
    async with client(application) as socket:
        over_socket = await socket.call(
            "task", {"params": {"id": 7, "tag": ["a", "b"]}, "body": {"title": "Tea"}}
        )
        bad_over_socket = await socket.call("task", {"params": {"id": 7}, "body": BAD})

    task = {"title": "Tea", "tags": []}
    expected = {"id": 7, "task": task, "tag": ["a", "b"], "known": True}
    assert over_http == over_socket["content"] == expected
    assert bad_over_http == (422, MISFITS)
    assert bad_over_socket == MISFITS


async def test_forms_and_files(serve: Serve, session: aiohttp.ClientSession) -> None:
    application = await serve(Tasks)
    form = aiohttp.FormData({"title": "Sea"})
    form.add_field("photo", b"123", filename="sea.jpg")
    async with session.post(http_url(application, "/photos"), data=form) as answer:
        assert await answer.json() == ["Sea", "sea.jpg", 3]
    async with session.post(http_url(application, "/photos"), data={"x": "1"}) as answer:
        paths = [error["path"] for error in (await answer.json())["errors"]]
    assert paths == ["params.title", "files.photo"]


@pytest.mark.parametrize("kind", ["text/plain", "application/octet-stream", "application/xml"])
async def test_a_body_of_another_content_type_is_415(
    serve: Serve, session: aiohttp.ClientSession, kind: str
) -> None:
    """B8."""
    url = http_url(await serve(Tasks), "/tasks/7")
    async with session.post(url, data=b"{}", headers={"Content-Type": kind}) as answer:
        assert answer.status == 415
        assert "application/json" in (await answer.json())["message"]
    async with session.post(url) as answer:
        assert (answer.status, (await answer.json())["errors"]) == (
            422,
            [{"path": "body", "message": "is missing"}],
        )
