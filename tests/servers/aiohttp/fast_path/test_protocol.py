"""The path that handles a request; actions see no difference between the paths."""

import asyncio
from collections.abc import AsyncIterator
from contextvars import ContextVar
from typing import Any

import pytest
from aiohttp import web

from rxkernel import (
    KernelEvents,
    Request,
    RequestEvent,
    Response,
    ServerConfigurationEvent,
    ServerEvents,
    StreamResponse,
    TerminateEvent,
    http,
    observe,
)
from rxkernel.messages.response import EventStreamResponse
from tests.servers.conftest import Serve
from tests.servers.raw_http import RawHttp, post, raw_http
from tests.waiting import until

FAST, AIOHTTP = "FastPathNative", "Request"

seen: ContextVar[str] = ContextVar("seen", default="nothing")


def get(path: str, *headers: str) -> bytes:
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: x", *headers, "", ""]).encode()


class Paths:
    def __init__(self) -> None:
        self.may_go = asyncio.Event()
        self.native: Any = None
        self.cancelled = False
        self.terminated: list[tuple[Any, Any]] = []

    @http("GET", "/path", "path")
    async def path(self, request: Request) -> str:
        return type(request.native).__name__

    @http("GET", "/number/{number:int}", "number")
    async def number(self, number: int) -> int:
        return number

    @http("GET", "/context", "context")
    async def context(self, request: Request) -> str:
        found = seen.get()
        seen.set("what another request left")
        if "native" in request.params:
            assert request.native is not None
        return found

    @http("GET", "/native", "native")
    async def show_native(self, request: Request) -> Any:
        native = request.native
        return [
            request.native is native,
            isinstance(native, web.Request),
            native.path,
            native.remote,
            native.match_info["path"],
            native.app is native.match_info.current_app,
            native.config_dict.get("nothing", "of the application"),
            await native.text(),
        ]

    @http("POST", "/native", "native_body")
    async def native_body(self, request: Request) -> Any:
        return [request.body, await request.native.text(), request.native.can_read_body]

    @http("GET", "/task", "task")
    async def task(self, request: Request) -> Any:
        task = asyncio.current_task()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.001):
                await asyncio.Event().wait()
        return task is asyncio.current_task() is not None

    @http("GET", "/stream", "stream")
    async def stream(self, request: Request) -> StreamResponse:
        seen.set("its own")
        return StreamResponse(self.pieces())

    async def pieces(self) -> AsyncIterator[str]:
        yield seen.get()

    @http("GET", "/waits", "waits")
    async def waits(self, request: Request) -> str:
        self.native = request.native
        try:
            await self.may_go.wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        return "went"

    @http("GET", "/waits-for-a-stream", "waits_for_a_stream")
    async def waits_for_a_stream(self, request: Request) -> Response:
        self.native = request.native
        await self.may_go.wait()
        return EventStreamResponse(self.pieces())  # type: ignore[arg-type]

    @http("POST", "/echo", "echo")
    async def echo(self, request: Request) -> Any:
        return [request.body, type(request.native).__name__]

    @observe(KernelEvents.KERNEL_TERMINATE)
    async def terminate(self, event: TerminateEvent) -> None:
        self.terminated.append((event.request.route_name, seen.get()))


async def ask(connection: RawHttp, *parts: bytes) -> str:
    await connection.send(*parts)
    return (await connection.answer()).body.decode()


@pytest.mark.parametrize(
    "hard",
    [
        [get("/path", "Expect: 100-continue")],
        [b"GET /pa", b"th HTTP/1.1\r\nHo", b"st: x\r\n\r\n"],
        [post("/echo", body=b"12")[:-1], b"2"],
        [post("/echo", body=b"12")[:20], post("/echo", body=b"12")[20:]],
        [get("/socket.io/?EIO=4")],
    ],
)
async def test_connection_after_a_request_for_aiohttp_returns_to_the_fast_path(
    serve: Serve, hard: list[bytes]
) -> None:
    async with raw_http(await serve(Paths)) as connection:
        assert await ask(connection, get("/path")) == FAST
        assert await ask(connection, *hard) != FAST
        assert await ask(connection, get("/path")) == FAST


async def test_connection_after_a_stream_returns_to_the_fast_path(serve: Serve) -> None:
    async with raw_http(await serve(Paths)) as connection:
        for _ in range(2):
            await connection.send(get("/stream"))
            async with asyncio.timeout(5):
                answer = await connection.reader.readuntil(b"0\r\n\r\n")
            assert answer.endswith(b"\r\n\r\n7\r\nits own\r\n0\r\n\r\n")
            assert await ask(connection, get("/path")) == FAST


CHUNKED = post("/echo", "Content-Type: application/json", "Transfer-Encoding: chunked")


@pytest.mark.parametrize("end", [b"0\r\n\r\n", b"0\r\nX-Trailer: 1\r\n\r\n", b"0\r\n\r\n\r\n"])
async def test_chunked_body_in_one_segment_takes_the_fast_path(serve: Serve, end: bytes) -> None:
    async with raw_http(await serve(Paths)) as connection:
        for _ in range(2):
            answer = await ask(connection, CHUNKED + b"1;x=y\r\n1\r\n1\r\n2\r\n" + end)
            assert answer == '[12,"FastPathNative"]'
            assert await ask(connection, get("/path")) == FAST


@pytest.mark.parametrize(
    "parts",
    [
        [CHUNKED, b"", b"", b"1\r\n1\r\n0\r\n\r\n"],
        [CHUNKED + b"1\r\n1\r\n", b"", b"", b"0\r\n\r\n"],
    ],
)
async def test_connection_after_a_chunked_body_in_pieces_stays_with_aiohttp(
    serve: Serve, parts: list[bytes]
) -> None:
    async with raw_http(await serve(Paths)) as connection:
        assert await ask(connection, *parts) == '[1,"Request"]'
        assert await ask(connection, get("/path")) == AIOHTTP


@pytest.mark.parametrize("part", ["middleware", "signal"])
async def test_middleware_or_signal_turns_the_fast_path_off(serve: Serve, part: str) -> None:
    @web.middleware
    async def middleware(native: web.Request, handler: Any) -> web.StreamResponse:
        answer: web.StreamResponse = await handler(native)
        return answer

    async def signal(native: web.Request, out: web.StreamResponse) -> None:
        return None

    class Native:
        @observe(ServerEvents.CONFIGURE)
        async def add(self, event: ServerConfigurationEvent) -> None:
            engine = event.server.engine
            if event.server.name == "http":
                if part == "middleware":
                    engine.middlewares.append(middleware)
                else:
                    engine.on_response_prepare.append(signal)

    async with raw_http(await serve(Paths, listeners=[Native])) as connection:
        assert await ask(connection, get("/path")) == AIOHTTP


async def test_request_has_its_own_context(serve: Serve) -> None:
    application = await serve(Paths)

    async with raw_http(application) as connection:
        for request in (
            get("/context"),
            get("/context?native=1"),
            get("/unknown"),
            get("/context"),
            get("/context", "Expect: 100-continue") + get("/context") + get("/context"),
        ):
            await connection.send(request)
            for _ in range(request.count(b"GET")):
                assert b"what" not in (await connection.answer()).body
    paths = application.injector.get(Paths)
    await until(lambda: len(paths.terminated) == 6)
    assert {left for _, left in paths.terminated} == {"what another request left"}


async def test_native_request_equals_request_of_aiohttp(serve: Serve) -> None:
    async with raw_http(await serve(Paths)) as connection:
        fast = await ask(connection, get("/native?a=1"))
    async with raw_http(await serve(Paths, http={"fast_path": False})) as connection:
        assert await ask(connection, get("/native?a=1")) == fast


async def test_native_request_with_a_body_equals_request_of_aiohttp(serve: Serve) -> None:
    asked = (
        b"POST /native HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Content-Length: 3\r\n\r\n[1]"
    )
    async with raw_http(await serve(Paths)) as connection:
        fast = await ask(connection, asked)
    async with raw_http(await serve(Paths, http={"fast_path": False})) as connection:
        assert await ask(connection, asked) == fast == '[[1],"",false]'


async def test_task_of_a_request_is_a_normal_task(serve: Serve) -> None:
    async with raw_http(await serve(Paths)) as connection:
        assert await ask(connection, get("/task")) == "true"


async def test_pipelined_requests_wait_in_order_and_pause_reading(serve: Serve) -> None:
    application = await serve(Paths)
    paths = application.injector.get(Paths)

    async with raw_http(application) as connection:
        await connection.send(get("/waits"), *[get("/path"), get("/unknown")] * 40)
        await until(lambda: paths.native is not None)
        transport = paths.native.transport
        await until(lambda: not transport.is_reading())
        paths.may_go.set()

        bodies = [(await connection.answer()).body for _ in range(81)]
        assert bodies[0] == b"went"
        assert bodies[1::2] == [FAST.encode()] * 40
        assert all(b"404" in body for body in bodies[2::2])
        assert transport.is_reading()


async def test_pipelined_requests_by_the_thousand_are_handled_in_order(serve: Serve) -> None:
    async with raw_http(await serve(Paths)) as connection:
        connection.writer.write(b"".join(get(f"/number/{n}") for n in range(3000)))
        assert [(await connection.answer()).json for _ in range(3000)] == list(range(3000))


@pytest.mark.parametrize("path", ["/waits", "/waits-for-a-stream"])
async def test_client_disconnect_during_a_request_is_not_logged(
    serve: Serve, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    application = await serve(Paths)
    paths = application.injector.get(Paths)

    async with raw_http(application) as connection:
        await connection.send(get(path))
        await until(lambda: paths.native is not None)
    await until(lambda: paths.native.transport is None)
    paths.may_go.set()
    server: Any = application.servers["http"]
    await until(lambda: not server.in_flight)
    await until(lambda: paths.terminated)

    assert [r for r in caplog.records if r.levelname in ("WARNING", "ERROR")] == []


async def test_request_running_at_the_shutdown_timeout_is_cancelled(serve: Serve) -> None:
    application = await serve(Paths, shutdown_timeout=0.0)
    paths = application.injector.get(Paths)

    async with raw_http(application) as connection:
        await connection.send(get("/waits"))
        await until(lambda: paths.native is not None)
        await application.stop()
        assert await connection.closed() == b""

    assert paths.cancelled


async def test_response_while_the_server_stops_closes_the_connection(serve: Serve) -> None:
    application = await serve(Paths)
    paths = application.injector.get(Paths)

    async with raw_http(application) as connection:
        await connection.send(get("/waits"))
        await until(lambda: paths.native is not None)
        stopping = asyncio.create_task(application.stop())
        await asyncio.sleep(0)
        paths.may_go.set()
        assert (await connection.answer()).headers.get("connection") in ("close", None)
        assert await connection.closed() == b""
        await stopping


async def test_response_of_a_listener_is_sent(serve: Serve) -> None:
    class Closed:
        @observe(KernelEvents.KERNEL_REQUEST)
        async def close(self, event: RequestEvent) -> None:
            event.set_response(Response("closed", 503))

    async with raw_http(await serve(Paths, listeners=[Closed])) as connection:
        await connection.send(get("/path"))
        assert (await connection.answer())[::2] == (503, b"closed")
