"""`Application.reload` under load: no request fails, over either path or a socket."""

import asyncio
import weakref
from typing import Any

import aiohttp
import pytest
import socketio

from rxkernel import (
    Application,
    HeadEvent,
    HttpMetadata,
    KernelEvents,
    Request,
    UploadedFile,
    WebSocketMetadata,
    both,
    http,
    observe,
)
from tests.servers.conftest import Serve
from tests.servers.socketio_clients import client
from tests.waiting import until, until_collected

ROUNDS = 20


def version(number: int) -> type:
    class Version:
        @both("GET", "/version", "version")
        async def version(self, request: Request) -> int:
            await asyncio.sleep(0)
            return number

        @http("POST", "/body", "body", body_limit=1000 + number)
        async def body(self, body: dict[str, int]) -> int:
            return body["add"] + number

    return Version


class Stays:
    @http("POST", "/stays", "stays")
    async def stays(self, file: UploadedFile) -> int:
        return file.size


async def requests(
    session: aiohttp.ClientSession, url: str, ends: asyncio.Event
) -> list[tuple[int, Any]]:
    answers = []
    while not ends.is_set():
        async with session.get(f"{url}/version") as response:
            answers.append((response.status, await response.json()))
        async with session.post(f"{url}/body", json={"add": 0}) as response:
            answers.append((response.status, await response.json()))
    return answers


async def events(application: Application, ends: asyncio.Event) -> list[tuple[int, Any]]:
    answers = []
    async with client(application) as socket:
        while not ends.is_set():
            answer = await socket.call("version", {})
            answers.append((answer["statusCode"], answer["content"]))
    return answers


async def test_reload_under_load_fails_no_request(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    current = version(0)
    application = await serve(Stays, current)
    url = str(application.servers["http"].url)
    ends = asyncio.Event()
    load = [
        asyncio.create_task(work)
        for work in (
            requests(session, url, ends),
            requests(session, url, ends),
            events(application, ends),
        )
    ]
    for number in range(1, ROUNDS):
        async with session.get(f"{url}/version") as response:
            assert await response.json() == number - 1
        replaced, current = current, version(number)
        await application.reload(remove=[replaced], controllers=[current])
    ends.set()

    for answers in await asyncio.gather(*load):
        assert {status for status, _ in answers} == {200}
        numbers = [content for _, content in answers]
        assert set(numbers) <= set(range(ROUNDS))
        assert numbers == sorted(numbers), "an older version was used after a newer one"


async def test_reload_while_body_is_received_keeps_old_definition(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    current = version(1)
    application = await serve(current)
    url = str(application.servers["http"].url)
    go_on = asyncio.Event()

    async def slowly() -> Any:
        yield b'{"add"'
        await go_on.wait()
        yield b":1}"

    kernel = application.kernel
    json = {"Content-Type": "application/json"}
    posting = asyncio.create_task(session.post(f"{url}/body", data=slowly(), headers=json))
    server: Any = application.servers["http"]
    await until(lambda: bool(server.in_flight))
    await application.reload(remove=[current], controllers=[version(7)])
    assert kernel.http_definitions["body"].metadata.body_limit == 1007
    go_on.set()

    async with await posting as response:
        assert (response.status, await response.text()) == (200, "2")


async def test_reload_while_body_is_received_frees_the_old_controller(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    """The limits of a route are stored when its first body is read."""
    current = version(1)
    replaced = weakref.ref(current)
    waiting, go_on = asyncio.Event(), asyncio.Event()

    async def wait(event: HeadEvent) -> None:
        waiting.set()
        await go_on.wait()

    application = await serve(Stays, listeners=[observe(KernelEvents.KERNEL_HEAD)(wait)])
    await application.reload(controllers=[current])
    url = str(application.servers["http"].url)
    task = asyncio.create_task(session.post(f"{url}/body", json={"add": 1}).__aenter__())
    await waiting.wait()
    await application.reload(remove=[current], controllers=[version(2)])
    del current
    go_on.set()
    response = await task
    assert await response.json() == 2
    response.close()
    del task, response

    await until_collected(lambda: replaced() is None)


async def test_reload_adds_and_removes_paths_events_and_namespaces(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    application = await serve(Stays)
    url = str(application.servers["http"].url)

    async def hello(request: Request) -> str:
        return "hello"

    path = HttpMetadata(hello, "hello", "/hello", "GET", hello)
    event = WebSocketMetadata(hello, "hello", "/late", hello)
    async with session.get(f"{url}/hello") as response:
        assert response.status == 404
    await application.reload(add=[path, event])
    async with session.get(f"{url}/hello") as response:
        assert (response.status, await response.text()) == (200, "hello")
    async with client(application, "/late") as socket:
        assert (await socket.call("hello", namespace="/late"))["content"] == "hello"

        await application.reload(remove=[path, event])

        answer = await socket.call("hello", namespace="/late")
        assert answer["statusCode"] == 404, "the event still exists on an open connection"
    async with session.get(f"{url}/hello") as response:
        assert response.status == 404
    with pytest.raises(socketio.exceptions.ConnectionError):
        async with client(application, "/late"):
            pass
