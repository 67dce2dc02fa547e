"""Actions that use ``request.native`` or cancel their task have the same result on both paths."""

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from rxkernel import KernelEvents, Request, StreamResponse, TerminateEvent, http, observe
from tests.servers.conftest import Serve
from tests.servers.raw_http import raw_http
from tests.waiting import until

LEFT = web.RequestKey("left", str)


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()


class Paths:
    def __init__(self) -> None:
        self.ran: list[str] = []
        self.closed: list[str] = []
        self.ended: list[str | None] = []
        self.last: weakref.ref[Request] | None = None

    @http("GET", "/cancels/{when}", "cancels")
    async def cancels(self, request: Request) -> StreamResponse:
        self.ran.append("cancels")
        task = asyncio.current_task()
        assert task is not None
        if request.params["when"] == "now":
            task.cancel()
        else:
            asyncio.get_running_loop().call_soon(task.cancel)
        return StreamResponse(self.pieces("of the cancelled"))

    async def pieces(self, text: str) -> AsyncIterator[str]:
        try:
            yield text
            await asyncio.Event().wait()
        finally:
            self.closed.append(text)

    @http("GET", "/by-itself", "by_itself")
    async def by_itself(self, request: Request) -> None:
        answer = web.Response(text="native")
        await answer.prepare(request.native)
        await answer.write_eof()

    @http("GET", "/clone", "clone")
    async def clone(self, request: Request) -> Any:
        other = request.native.clone(rel_url="/elsewhere")
        return [other.path, other.app is request.native.app, other.match_info["path"]]

    @http("GET", "/leaves", "leaves")
    async def leaves(self, request: Request) -> StreamResponse:
        request.native[LEFT] = "there"
        return StreamResponse(self.what_is_left(request))

    async def what_is_left(self, request: Request) -> AsyncIterator[str]:
        yield request.native[LEFT]

    @http("GET", "/last", "last")
    async def take(self, request: Request) -> str:
        assert request.native is not None
        self.last = weakref.ref(request)
        return "taken"

    @http("GET", "/id", "id")
    async def id(self, request: Request) -> str:
        request.id = "a\r\nX-Evil: 1"
        return "injected"

    @observe(KernelEvents.KERNEL_TERMINATE)
    async def terminate(self, event: TerminateEvent) -> None:
        self.ended.append(event.request.route_name)


@pytest.mark.parametrize("when", ["now", "soon"])
async def test_action_that_cancels_its_task_before_a_stream_runs_once(
    serve: Serve, when: str, caplog: pytest.LogCaptureFixture
) -> None:
    application = await serve(Paths)
    paths = application.injector.get(Paths)

    async with raw_http(application) as connection:
        await connection.send(get(f"/cancels/{when}"))
        assert b"500" not in await connection.closed()
    server: Any = application.servers["http"]
    await until(lambda: not server.in_flight)

    assert paths.ran == ["cancels"]
    assert [r for r in caplog.records if r.levelname == "ERROR"] == []


async def test_action_that_writes_its_own_response_closes_the_connection(serve: Serve) -> None:
    async with raw_http(await serve(Paths)) as connection:
        await connection.send(get("/by-itself") + get("/clone"))
        text = await connection.closed()

    assert text.count(b"HTTP/1.1 ") == 1
    assert text.endswith(b"\r\n\r\nnative")


async def test_native_clone_has_the_application_and_match_info(serve: Serve) -> None:
    async with raw_http(await serve(Paths)) as connection:
        await connection.send(get("/clone"))
        assert (await connection.answer()).json == ["/elsewhere", True, "clone"]


async def test_native_items_are_kept_while_a_stream_is_sent(serve: Serve) -> None:
    application = await serve(Paths)
    for _ in range(2):
        async with raw_http(application) as connection:
            await connection.send(get("/leaves").replace(b"1.1", b"1.0"))
            assert (await connection.closed()).endswith(b"\r\n\r\nthere")


async def test_request_is_freed_without_the_garbage_collector(serve: Serve) -> None:
    application = await serve(Paths)
    paths = application.injector.get(Paths)
    gc.collect()
    gc.disable()
    try:
        async with raw_http(application) as connection:
            await connection.send(get("/last"))
            assert (await connection.answer()).body == b"taken"
            await connection.send(get("/clone"))
            await connection.answer()
        await until(lambda: paths.last is not None and paths.last() is None)
    finally:
        gc.enable()


async def test_request_id_with_a_line_break_is_500(serve: Serve) -> None:
    application = await serve(Paths, request_id_header="X-Request-ID")
    async with raw_http(application) as connection:
        await connection.send(get("/id"))
        answer = await connection.answer()

    assert answer.status == 500
    assert "x-evil" not in answer.headers
