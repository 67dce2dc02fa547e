"""The id of a request: read, sent and logged over HTTP, Socket.IO and with the test client."""

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from rxkernel import (
    Application,
    ConnectionEvent,
    FileResponse,
    ForbiddenException,
    Request,
    RequestIdFilter,
    Response,
    ServerConfigurationEvent,
    ServerEvents,
    Settings,
    StreamResponse,
    TerminateEvent,
    http,
    observe,
    websocket,
)
from rxkernel.application.settings_sources import load_settings
from rxkernel.kernel.events import KernelEvents
from rxkernel.pytest_plugin import ClientOf
from tests.servers.conftest import Serve, http_url
from tests.servers.socketio_clients import client, raw_socket
from tests.waiting import until

logger = logging.getLogger("shop")

NAME = "X-Request-ID"
ON = {"request_id_header": NAME}
SHARED = Response("shared")


class Shop:
    @http("GET", "/id", "id")
    @websocket("id")
    async def id(self, request: Request) -> str:
        logger.info("in the action")
        return request.id

    @http("GET", "/threaded", "threaded")
    @websocket("threaded")
    def threaded(self, request: Request) -> str:
        logger.info("in a thread")
        return request.id

    @http("GET", "/shared", "shared")
    async def shared(self, request: Request) -> Response:
        return SHARED

    @http("POST", "/posted", "posted")
    async def posted(self, request: Request) -> None: ...

    @http("GET", "/broken", "broken")
    @websocket("broken")
    async def broken(self, request: Request) -> None:
        raise RuntimeError("secret")

    @http("GET", "/stream", "stream")
    async def stream(self, request: Request) -> StreamResponse:
        async def pieces() -> AsyncIterator[str]:
            logger.info("while it is sent")
            yield request.id

        return StreamResponse(pieces())

    @http("GET", "/file", "file")
    async def file(self, request: Request) -> FileResponse:
        return FileResponse(__file__)

    @observe(ServerEvents.CONNECTED)
    async def door(self, event: ConnectionEvent) -> None:
        if event.connection.auth == {"as": "stranger"}:
            raise ForbiddenException

    @observe(KernelEvents.KERNEL_TERMINATE)
    async def behind(self, event: TerminateEvent) -> None:
        logger.info("behind the answer")


class Native:
    """Native routes of aiohttp; one of them prepares its response itself."""

    @observe(ServerEvents.CONFIGURE)
    async def add_routes(self, event: ServerConfigurationEvent) -> None:
        async def answer(native: web.Request) -> web.Response:
            return web.Response(text="native")

        async def refuse(native: web.Request) -> web.Response:
            raise web.HTTPConflict

        async def stream(native: web.Request) -> web.StreamResponse:
            out = web.StreamResponse()
            await out.prepare(native)
            await out.write(b"native")
            return out

        if isinstance(event.server.engine, web.Application):
            router = event.server.engine.router
            for action in (answer, refuse, stream):
                router.add_get(f"/native/{action.__name__}", action)


EVERYWHERE = [
    ("GET", "/id", 200),
    ("HEAD", "/id", 200),
    ("GET", "/broken", 500),
    ("GET", "/nowhere", 404),
    ("POST", "/id", 405),
    ("OPTIONS", "/id", 204),
    ("POST", "/posted", 413),
    ("GET", "/stream", 200),
    ("GET", "/file", 200),
    ("GET", "/native/answer", 200),
    ("GET", "/native/refuse", 409),
    ("GET", "/native/stream", 200),
    ("GET", "/socket.io/?EIO=4&transport=polling", 200),
    ("GET", "/socket.io/?EIO=4&transport=polling&sid=none", 400),
]


@pytest.mark.parametrize(("method", "path", "status"), EVERYWHERE)
async def test_response_on_every_route_has_the_id_of_the_request(
    serve: Serve, session: aiohttp.ClientSession, method: str, path: str, status: int
) -> None:
    listeners = [Native] if "native" in path else []
    application = await serve(Shop, http={"body_limit": 10}, listeners=listeners, **ON)
    url = http_url(application, path)
    data = "x" * 100 if path == "/posted" else None

    async with session.request(method, url, data=data, headers={NAME: "mine.1"}) as response:
        assert response.status == status
        assert response.headers.getall(NAME) == ["mine.1"]
    async with session.request(method, url, data=data) as response:
        assert len(response.headers.getall(NAME)[0]) > 10


async def test_response_prepared_by_a_middleware_has_the_id(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    @web.middleware
    async def refuse(request: web.Request, handler: Any) -> web.StreamResponse:
        out = web.StreamResponse(status=403)
        await out.prepare(request)
        return out

    @observe(ServerEvents.CONFIGURE)
    async def add(event: ServerConfigurationEvent) -> None:
        if isinstance(event.server.engine, web.Application):
            event.server.engine.middlewares.append(refuse)

    url = http_url(await serve(Shop, listeners=[add], **ON), "/id")

    async with session.get(url, headers={NAME: "mine.1"}) as response:
        assert (response.status, response.headers[NAME]) == (403, "mine.1")


async def test_handshake_response_of_a_websocket_has_the_id(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    url = http_url(await serve(Shop, **ON), "/socket.io/?EIO=4&transport=websocket")

    async with session.ws_connect(url, headers={NAME: "mine.1"}) as socket:
        assert socket._response.headers[NAME] == "mine.1"


async def test_response_on_the_port_of_socketio_has_the_id(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    application = await serve(Shop, socketio={"port": 0}, **ON)
    url = f"{application.servers['socketio'].url}/socket.io/?EIO=4&transport="

    async with session.get(url + "polling", headers={NAME: "mine.1"}) as response:
        assert response.headers[NAME] == "mine.1"
    async with session.ws_connect(url + "websocket", headers={NAME: "mine.2"}) as socket:
        assert socket._response.headers.getall(NAME) == ["mine.2"]


async def test_request_id_in_the_action_equals_id_of_the_response(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    url = http_url(await serve(Shop, **ON))

    for path in ("id", "threaded", "stream"):
        async with session.get(url + path) as response:
            assert await response.text() == response.headers[NAME]


@pytest.mark.parametrize(
    "given",
    ["", "a b", "a\tb", "ä", "x" * 129, "a,b", "<script>", "a/b", "a\\nb"],
)
async def test_request_id_invalid_is_replaced(
    serve: Serve, session: aiohttp.ClientSession, given: str
) -> None:
    """An invalid id would be written to logs and sent to other services."""
    url = http_url(await serve(Shop, **ON), "/id")

    async with session.get(url, headers={NAME: given}) as response:
        assert response.headers[NAME] not in (given, "")
        assert await response.text() == response.headers[NAME]


async def test_request_id_is_different_for_each_request(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    """Also if an application returns the same response object again."""
    url = http_url(await serve(Shop, listeners=[Native], **ON))
    seen = set()

    for path in ("id", "shared", "shared", "native/answer", "nowhere"):
        async with session.get(url + path) as response:
            seen.add(response.headers[NAME])

    assert len(seen) == 5
    assert NAME not in SHARED.headers


async def test_request_id_header_has_the_name_of_the_setting(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    url = http_url(await serve(Shop, request_id_header="X-Correlation-ID"), "/id")

    async with session.get(url, headers={"X-Correlation-ID": "c", NAME: "r"}) as response:
        assert response.headers["X-Correlation-ID"] == "c"
        assert NAME not in response.headers


async def test_request_id_without_a_header_setting_is_neither_read_nor_sent(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    application = await serve(Shop)

    async with session.get(http_url(application, "/id"), headers={NAME: "mine"}) as response:
        assert NAME not in response.headers
        assert await response.text() not in ("", "mine")
    async with client(application, headers={NAME: "mine"}) as connected:
        answer = await connected.call("id")
        assert answer["headers"] == {}
        assert not answer["content"].startswith("mine")


def test_request_id_header_none_in_a_settings_file_turns_the_header_off(tmp_path: Path) -> None:
    """TOML has no null."""
    (tmp_path / "rxkernel.toml").write_text('request_id_header = "none"')

    settings = load_settings(directory=tmp_path, environment={})

    assert settings.request_id_header is None


async def test_acknowledgement_also_of_an_error_has_an_id(serve: Serve) -> None:
    async with raw_socket(await serve(Shop, **ON)) as socket:
        await socket.send('421["id"]', '422["broken"]', '423["nothing"]', '424["threaded"]')
        answers = [await socket.receive() for _ in range(4)]

    ids = [str(answer).split(f'"{NAME}":"')[1].split('"')[0] for answer in answers]
    assert len(set(ids)) == 4
    assert f'"content":"{ids[0]}"' in str(answers[0])


async def test_event_id_begins_with_the_id_of_the_handshake(serve: Serve) -> None:
    """Each event has the id of its handshake with another suffix, so ids are unique."""
    application = await serve(Shop, **ON)
    ids = []

    for brought in ("hand.shake", "hand.shake", "x" * 128):
        async with client(application, headers={NAME: brought}) as connected:
            for _ in range(2):
                answer = await connected.call("id")
                assert answer["headers"] == {NAME: answer["content"]}
                assert answer["content"].startswith(brought[:96] + "-")
                ids.append(answer["content"])
    assert len(set(ids)) == 6
    assert max(map(len, ids)) <= 128


async def test_connect_error_has_the_id(serve: Serve) -> None:
    async with raw_socket(await serve(Shop, **ON), connect="") as socket:
        await socket.send('40{"as":"stranger"}')
        assert f'"headers":{{"{NAME}":"' in str(await socket.receive())


async def test_kernel_client_response_has_the_id(client_of: ClientOf) -> None:
    client = client_of(Shop)

    response = await client.http("id", headers={NAME: "mine"})
    assert (response.content, response.headers[NAME]) == ("mine", "mine")
    assert (await client.http("broken", headers={NAME: "mine"})).headers[NAME] == "mine"
    assert (await client.http("id", headers={NAME: "not one"})).content != "not one"

    connection = client.connection(headers={NAME: "mine"})
    response = await client.websocket("id", connection=connection)
    assert response.content == response.headers[NAME]
    assert response.content.startswith("mine-")


async def test_kernel_client_response_without_a_header_setting_has_no_id(
    client_of: ClientOf,
) -> None:
    settings = Settings(request_id_header=None)
    client = client_of(Application(controllers=[Shop], settings=settings))

    assert NAME not in (await client.http("id", headers={NAME: "mine"})).headers


class Lines(logging.Handler):
    """``(message, request_id, route)`` of each log record."""

    def __init__(self) -> None:
        super().__init__()
        self.addFilter(RequestIdFilter())
        self.seen: list[tuple[str, str, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        fields: Any = vars(record)
        self.seen.append((record.getMessage(), fields["request_id"], fields["route"]))


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Any:
    caplog.set_level(logging.INFO)
    handler = Lines()
    logging.getLogger().addHandler(handler)
    yield handler
    logging.getLogger().removeHandler(handler)


async def test_log_records_of_a_request_have_its_id_and_route(
    serve: Serve, session: aiohttp.ClientSession, lines: Lines
) -> None:
    """Records of application loggers in the action, in its thread, while a stream is sent and
    after the response, and records about a failure."""
    url = http_url(await serve(Shop, **ON))
    logger.info("without a request")

    for path in ("id", "threaded", "stream", "broken"):
        async with session.get(url + path, headers={NAME: f"of.{path}"}) as response:
            await response.read()
    await until(lambda: len(lines.seen) == 9)

    assert set(lines.seen) == {
        ("without a request", "-", "-"),
        ("in the action", "of.id", "id"),
        ("in a thread", "of.threaded", "threaded"),
        ("while it is sent", "of.stream", "stream"),
        ("HTTP broken failed", "of.broken", "broken"),
        *(("behind the answer", f"of.{n}", n) for n in ("id", "threaded", "stream", "broken")),
    }


async def test_log_records_of_an_event_have_its_id_and_route(serve: Serve, lines: Lines) -> None:
    async with client(await serve(Shop, **ON), headers={NAME: "of"}) as connected:
        await asyncio.gather(*(connected.call(e) for e in ("id", "threaded", "broken")))
        await until(lambda: len(lines.seen) == 6)

    assert all(request_id.startswith("of-") for _, request_id, _ in lines.seen)
    assert len({request_id for _, request_id, _ in lines.seen}) == 3
    assert {(text, route) for text, _, route in lines.seen} >= {
        ("in the action", "id"),
        ("in a thread", "threaded"),
        ("SOCKET broken failed", "broken"),
    }
