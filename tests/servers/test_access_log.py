"""``logging.access``: one line per request and per event, native routes included."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from rxkernel import (
    Application,
    ConnectionEvent,
    ForbiddenException,
    NotFoundException,
    Request,
    ServerConfigurationEvent,
    ServerEvents,
    StreamResponse,
    http,
    observe,
    option,
    websocket,
)
from tests.servers.conftest import Serve, http_url
from tests.servers.socketio_clients import client, raw_socket
from tests.waiting import until

ON = {"request_id_header": "X-Request-ID"}
Lines = Callable[[], list[dict[str, Any]]]


class Shop:
    entered = asyncio.Event()
    left = asyncio.Event()
    native: Any = None

    @http("GET", "/tasks/{id:int}", "task_show")
    @websocket("task_show")
    async def show(self, request: Request) -> str:
        return "task"

    @http("GET", "/waits", "waits")
    @websocket("waits")
    async def waits(self, request: Request) -> str:
        Shop.native = request.native
        self.entered.set()
        await self.left.wait()
        return "never received"

    @http("POST", "/small", "small", body_limit=10)
    async def small(self, request: Request) -> None: ...

    @http("GET", "/stream", "stream")
    async def stream(self, request: Request) -> StreamResponse:
        async def pieces() -> AsyncIterator[str]:
            for _ in range(3):
                yield "x" * 1000

        return StreamResponse(pieces())

    @websocket("broken", namespace="/chat")
    async def broken(self, request: Request) -> None:
        raise RuntimeError

    @observe(ServerEvents.CONFIGURE)
    async def add_routes(self, event: ServerConfigurationEvent) -> None:
        async def answer(native: web.Request) -> web.Response:
            return web.Response(text="native")

        if isinstance(event.server.engine, web.Application):
            event.server.engine.router.add_get("/native/{x}", answer)

    @observe(ServerEvents.CONNECTED)
    async def door(self, event: ConnectionEvent) -> None:
        if event.connection.auth == {"as": "stranger"}:
            raise ForbiddenException


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Lines:
    """The fields of every line of the access log."""
    caplog.set_level(logging.INFO, "rxkernel.access")
    Shop.entered, Shop.left = asyncio.Event(), asyncio.Event()
    return lambda: [vars(r) for r in caplog.records if r.name == "rxkernel.access"]


async def read(session: aiohttp.ClientSession, application: Application, *paths: str) -> None:
    """Read the responses to GET requests of *paths*, one after the other."""
    for path in paths:
        async with session.get(http_url(application, path)) as response:
            await response.read()


def shape(line: dict[str, Any]) -> tuple[Any, ...]:
    return line["method"], line["path"], line["status"], line["route"]


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/tasks/1?token=secret", ("GET", "/tasks/1", 200, "task_show")),
        ("HEAD", "/tasks/1", ("HEAD", "/tasks/1", 200, "task_show")),
        ("GET", "/nowhere", ("GET", "/nowhere", 404, None)),
        ("POST", "/tasks/1", ("POST", "/tasks/1", 405, None)),
        ("GET", "/native/1", ("GET", "/native/1", 200, "/native/{x}")),
        ("GET", "/stream", ("GET", "/stream", 200, "stream")),
        (
            "GET",
            "/socket.io/?EIO=4&transport=polling",
            ("GET", "/socket.io/", 200, "/socket.io/"),
        ),
        (
            "GET",
            "/socket.io/?EIO=4&transport=polling&sid=secret",
            ("GET", "/socket.io/", 400, "/socket.io/"),
        ),
    ],
)
async def test_request_is_one_line(
    serve: Serve,
    session: aiohttp.ClientSession,
    lines: Lines,
    method: str,
    path: str,
    expected: tuple[Any, ...],
) -> None:
    url = http_url(await serve(Shop, access=True, **ON), path)
    headers = {"X-Request-ID": "mine", "User-Agent": "a test"}

    async with session.request(method, url, headers=headers) as response:
        body = await response.read()
    await until(lines)

    (line,) = lines()
    assert shape(line) == expected
    assert (line["transport"], line["client"]) == ("HTTP", "127.0.0.1")
    assert (line["request_id"], line["user_agent"]) == ("mine", "a test")
    assert len(body) < line["size"] < len(body) + 1000
    assert line["duration"] > 0
    assert not {"connection_id", "namespace"} & line.keys()
    assert "secret" not in str(line)


async def test_line_has_documented_format(
    serve: Serve, session: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture, lines: Lines
) -> None:
    url = http_url(await serve(Shop, access=True, **ON), "/tasks/1")

    async with session.get(url, headers={"X-Request-ID": "mine"}):
        await until(lines)

    assert lines()
    text = caplog.records[-1].getMessage()
    before, after = text.split(" 200 ")
    assert before == "GET /tasks/1"
    assert after.endswith(" ms 127.0.0.1 id=mine")


async def test_malformed_request_is_one_line(serve: Serve, lines: Lines) -> None:
    application = await serve(Shop, access=True)
    port = application.servers["http"].port

    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"nonsense\r\n\r\n")
    assert b" 400 " in await reader.read()
    writer.close()
    await until(lines)

    assert [line["status"] for line in lines()] == [400]


async def test_client_behind_trusted_proxy_is_logged(
    serve: Serve, session: aiohttp.ClientSession, lines: Lines
) -> None:
    application = await serve(Shop, http={"trusted_proxies": ("127.0.0.1",)}, access=True)
    headers = {"X-Forwarded-For": "192.0.2.1"}

    for path in ("/tasks/1", "/native/1"):
        async with session.get(http_url(application, path), headers=headers) as response:
            await response.read()
    await until(lambda: len(lines()) == 2)

    assert [line["client"] for line in lines()] == ["192.0.2.1"] * 2


async def test_client_disconnected_before_response_is_499(serve: Serve, lines: Lines) -> None:
    application = await serve(Shop, access=True)
    port = application.servers["http"].port

    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /waits HTTP/1.1\r\nHost: x\r\n\r\n")
    await Shop.entered.wait()
    writer.transport.abort()
    await until(lambda: Shop.native.transport is None)
    Shop.left.set()
    await until(lines)

    assert [shape(line) for line in lines()] == [("GET", "/waits", 499, "waits")]
    assert [line["client"] for line in lines()] == ["127.0.0.1"]


async def test_event_is_one_line(serve: Serve, lines: Lines) -> None:
    """Each connection to a namespace is one line, too; the WebSocket is one line at its end."""
    application = await serve(Shop, access=True, **ON)
    headers = {"X-Request-ID": "hand", "User-Agent": "a test"}

    async with client(application, namespace="/chat", headers=headers) as connected:
        await connected.call("broken", namespace="/chat")
        await connected.emit("nothing", namespace="/chat")
        await until(lambda: len(lines()) == 3)
        sid = connected.get_sid("/chat")
    await until(lambda: len(lines()) == 4)

    assert [shape(line) for line in lines()] == [
        ("CONNECT", "/chat", 200, None),
        ("EVENT", "/chat:broken", 500, "broken"),
        ("EVENT", "/chat:nothing", 404, None),
        ("GET", "/socket.io/", 101, "/socket.io/"),
    ]
    for line in lines()[:3]:
        assert (line["transport"], line["namespace"]) == ("SOCKET", "/chat")
        assert (line["client"], line["user_agent"]) == ("127.0.0.1", "a test")
        assert line["connection_id"] == sid
        assert line["request_id"].startswith("hand-")
    assert [line["size"] for line in lines()][2:] == [None, None]
    assert lines()[1]["size"] > 20


async def test_rejected_client_is_one_line(serve: Serve, lines: Lines) -> None:
    async with raw_socket(await serve(Shop, access=True), connect="") as socket:
        await socket.send('40{"as":"stranger"}')
        await socket.receive()
        await until(lines)

        await socket.send("40/nowhere,")
        await socket.receive()
        await until(lambda: len(lines()) == 2)

    assert [shape(line) for line in lines()[:2]] == [
        ("CONNECT", "/", 403, None),
        ("CONNECT", "/nowhere", 404, None),
    ]


async def test_event_of_disconnected_client_is_499(serve: Serve, lines: Lines) -> None:
    application = await serve(Shop, access=True)

    async with raw_socket(application) as socket:
        await socket.send('421["waits"]')
        await Shop.entered.wait()
        socket.vanish()
    await until(lambda: not application.servers["socketio"].engine.connections)
    Shop.left.set()
    await until(lambda: [line for line in lines() if line["method"] == "EVENT"])

    assert [shape(line) for line in lines() if line["method"] == "EVENT"] == [
        ("EVENT", "waits", 499, "waits")
    ]


async def test_socketio_on_separate_port_has_access_log(
    serve: Serve, session: aiohttp.ClientSession, lines: Lines
) -> None:
    application = await serve(Shop, socketio={"port": 0}, access=True)

    async with session.get(f"{application.servers['socketio'].url}/socket.io/") as response:
        await response.read()
    await until(lines)

    assert [shape(line) for line in lines()] == [("GET", "/socket.io/", 400, "/socket.io/")]


async def test_access_log_off_writes_nothing(
    serve: Serve, session: aiohttp.ClientSession, lines: Lines
) -> None:
    application = await serve(Shop)

    async with session.get(http_url(application, "/tasks/1")), client(application) as connected:
        await connected.call("task_show")

    assert lines() == []


async def test_event_name_with_control_characters_is_escaped(
    serve: Serve, caplog: pytest.LogCaptureFixture, lines: Lines
) -> None:
    application = await serve(Shop, access=True, **ON)

    async with client(application, namespace="/chat") as connected:
        await connected.emit("pay 200 0.4 ms 203.0.113.9 id=forged", namespace="/chat")
        await until(lambda: len(lines()) == 2)

    text = [r.getMessage() for r in caplog.records if r.name == "rxkernel.access"][1]
    assert text.startswith(r"EVENT /chat:pay\x20200\x200.4\x20ms\x20203.0.113.9\x20id=forged 404 ")


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [(b"x" * 11, "text/plain", 413), (b"{", "application/json", 400), (b"x", "none", 415)],
)
async def test_request_with_rejected_body_has_route(
    serve: Serve,
    session: aiohttp.ClientSession,
    lines: Lines,
    body: bytes,
    content_type: str,
    status: int,
) -> None:
    url = http_url(await serve(Shop, access=True), "/small")

    async with session.post(url, data=body, headers={"Content-Type": content_type}):
        await until(lines)

    assert [shape(line) for line in lines()] == [("POST", "/small", status, "small")]


class Watched:
    @http("GET", "/healthz", "healthz")
    async def healthz(self, request: Request) -> str:
        return "mine"

    @http("GET", "/ping", "ping")
    @websocket("ping")
    @option("probe", True)
    async def ping(self, request: Request) -> str:
        return "pong"


async def test_access_line_of_a_route_with_option_probe_has_level_debug(
    serve: Serve,
    session: aiohttp.ClientSession,
    lines: Lines,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The option of the route is used, not its name."""
    caplog.set_level(logging.DEBUG, "rxkernel.access")
    application = await serve(Watched, access=True)

    await read(session, application, "/healthz", "/ping")
    async with client(application) as connected:
        await connected.call("ping")
    await until(lambda: len(lines()) == 4)

    levels = [(line["method"], line["path"], line["levelname"]) for line in lines()]
    assert sorted(levels) == [
        ("CONNECT", "/", "INFO"),
        ("EVENT", "ping", "DEBUG"),
        ("GET", "/healthz", "INFO"),
        ("GET", "/ping", "DEBUG"),
    ]


class Page:
    @http("GET", "/icon", "icon")
    @websocket("icon")
    @option("quiet", True)
    async def icon(self, request: Request) -> str:
        if request.params:
            raise NotFoundException
        return "icon"


async def test_access_line_of_a_quiet_route_has_level_debug_without_an_error(
    serve: Serve,
    session: aiohttp.ClientSession,
    lines: Lines,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, "rxkernel.access")
    application = await serve(Page, access=True)

    await read(session, application, "/icon", "/icon?size=1")
    async with client(application) as connected:
        await connected.call("icon")
        await connected.call("icon", {"params": {"size": 1}})
    await until(lambda: len(lines()) == 5)

    levels = [(line["method"], line["status"], line["levelname"]) for line in lines()]
    assert sorted(levels) == [
        ("CONNECT", 200, "INFO"),
        ("EVENT", 200, "DEBUG"),
        ("EVENT", 404, "INFO"),
        ("GET", 200, "DEBUG"),
        ("GET", 404, "INFO"),
    ]


async def test_health_routes_are_logged_at_debug(
    serve: Serve,
    session: aiohttp.ClientSession,
    lines: Lines,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, "rxkernel.access")
    application = await serve(Shop, health=True, access=True)

    await read(session, application, "/healthz", "/readyz", "/tasks/1")
    await until(lambda: len(lines()) == 3)

    levels = [(line["path"], line["levelname"]) for line in lines()]
    assert levels == [("/healthz", "DEBUG"), ("/readyz", "DEBUG"), ("/tasks/1", "INFO")]


async def test_duration_is_finer_than_event_loop_clock(
    serve: Serve,
    session: aiohttp.ClientSession,
    lines: Lines,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The clock of uvloop counts milliseconds, and stands still during a loop iteration."""
    loop = asyncio.get_running_loop()
    fine = loop.time
    monkeypatch.setattr(loop, "time", lambda: int(fine() * 1000) / 1000)
    url = http_url(await serve(Shop, access=True), "/tasks/1")

    for _ in range(3):
        async with session.get(url) as response:
            await response.read()
    await until(lambda: len(lines()) == 3)

    durations = [line["duration"] for line in lines()]
    assert any(round(duration, 3) != duration for duration in durations)
    assert all(round(duration, 6) == duration for duration in durations)
