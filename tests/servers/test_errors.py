"""Actions and listeners that fail: the response, and the log."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from rxkernel import (
    ExceptionEvent,
    KernelEvents,
    NotFoundException,
    Request,
    Response,
    ResponseEvent,
    StreamResponse,
    TerminateEvent,
    http,
    websocket,
)
from tests.servers.conftest import Serve, http_url
from tests.servers.raw_http import raw_http
from tests.servers.socketio_clients import raw_socket
from tests.waiting import until

INTERNAL = {"statusCode": 500, "message": "Internal Server Error"}


def get(path: str, *headers: str) -> bytes:
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: x", *headers, "", ""]).encode()


ID = {"request_id_header": "X-Request-ID"}


class OwnError(BaseException):
    """Not caught by ``except Exception``."""


class Broken:
    @http("GET", "/raises", "raises")
    @websocket("raises")
    async def raises(self, request: Request) -> None:
        raise RuntimeError("secret")

    @http("GET", "/exits", "exits")
    @websocket("exits")
    async def exits(self, request: Request) -> None:
        raise SystemExit("secret")

    @http("GET", "/exits-in-a-thread", "exits_in_a_thread")
    @websocket("exits-in-a-thread")
    def exits_in_a_thread(self, request: Request) -> None:
        raise SystemExit("secret")

    @http("GET", "/closes", "closes")
    @websocket("closes")
    async def closes(self, request: Request) -> None:
        raise GeneratorExit("secret")

    @http("GET", "/cancels", "cancels")
    @websocket("cancels")
    async def cancels(self, request: Request) -> None:
        raise asyncio.CancelledError("secret")

    @http("GET", "/own", "own")
    @websocket("own")
    async def own(self, request: Request) -> None:
        raise OwnError("secret")

    @http("GET", "/group", "group")
    @websocket("group")
    async def group(self, request: Request) -> None:
        raise BaseExceptionGroup("secret", [OwnError("secret")])

    @http("GET", "/object", "object")
    @websocket("object")
    async def object(self, request: Request) -> Any:
        return object()

    @http("GET", "/generator", "generator")
    @websocket("generator")
    async def generator(self, request: Request) -> Any:
        return (n for n in (1, 2))

    @http("GET", "/fine", "fine")
    @websocket("fine")
    async def fine(self, request: Request) -> str:
        return "fine"


NAMES = [
    pytest.param("raises", id="raises"),
    pytest.param("exits", id="raises-SystemExit"),
    pytest.param("exits-in-a-thread", id="raises-SystemExit-in-a-thread"),
    pytest.param("closes", id="raises-GeneratorExit"),
    pytest.param("cancels", id="raises-CancelledError"),
    pytest.param("own", id="raises-BaseException"),
    pytest.param("group", id="raises-BaseExceptionGroup"),
    pytest.param("object", id="returns-an-object"),
    pytest.param("generator", id="returns-a-generator"),
]


@pytest.mark.parametrize("name", NAMES)
async def test_action_that_fails_is_500_without_details(
    serve: Serve, session: aiohttp.ClientSession, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The response has no details, but the id under which they are logged."""
    url = http_url(await serve(Broken, **ID))

    async with session.get(url + name, headers={"X-Request-ID": "mine-1"}) as response:
        assert (response.status, await response.json()) == (500, INTERNAL)
        assert response.headers["X-Request-ID"] == "mine-1"
        first = response.connection
    async with session.get(url + "fine") as response:
        assert await response.text() == "fine"
        assert response.connection is first or first is None
    assert len([r for r in caplog.records if r.levelno >= logging.ERROR]) == 1


@pytest.mark.parametrize("name", NAMES)
async def test_event_that_fails_is_500_without_details(serve: Serve, name: str) -> None:
    async with raw_socket(await serve(Broken)) as socket:
        await socket.send(f'421["{name}"]')
        assert await socket.acknowledged(1) == INTERNAL
        await socket.send('422["fine"]')
        assert (await socket.acknowledged(2))["content"] == "fine"


async def fails(event: Any) -> None:
    raise RuntimeError("the listener's own")


async def exits(event: Any) -> None:
    raise SystemExit("secret")


@pytest.mark.parametrize(
    ("phase", "listener", "path", "logged"),
    [
        pytest.param(
            KernelEvents.KERNEL_RESPONSE, fails, "fine", "the listener's own", id="response"
        ),
        pytest.param(
            KernelEvents.KERNEL_RESPONSE, exits, "fine", "SystemExit", id="response-exits"
        ),
        pytest.param(KernelEvents.KERNEL_EXCEPTION, fails, "raises", "secret", id="exception"),
        pytest.param(
            KernelEvents.KERNEL_EXCEPTION, exits, "raises", "secret", id="exception-exits"
        ),
        pytest.param(KernelEvents.KERNEL_REQUEST, exits, "fine", "SystemExit", id="request-exits"),
        pytest.param(
            KernelEvents.KERNEL_EXCEPTION,
            fails,
            "nowhere",
            "the listener's own",
            id="exception-without-a-route",
        ),
    ],
)
async def test_listener_that_fails_is_500_and_keeps_the_connection(
    serve: Serve,
    session: aiohttp.ClientSession,
    caplog: pytest.LogCaptureFixture,
    phase: KernelEvents,
    listener: Callable[[Any], Any],
    path: str,
    logged: str,
) -> None:
    """The first error is logged too."""
    application = await serve(Broken)
    url = http_url(application)
    application.dispatcher.add_listener(phase, listener)

    async with session.get(url + path) as response:
        assert (response.status, await response.json()) == (500, INTERNAL)
        assert "Connection" not in response.headers
    assert logged in caplog.text

    application.dispatcher.remove_listeners(phase)
    async with session.get(url + "fine") as response:
        assert await response.text() == "fine"
    assert len(session.connector._conns) == 1  # type: ignore[union-attr]


async def test_terminate_listener_that_exits_does_not_stop_the_server(
    serve: Serve, session: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    application = await serve(Broken)

    async def leave(event: TerminateEvent) -> None:
        raise SystemExit

    application.dispatcher.add_listener(KernelEvents.KERNEL_TERMINATE, leave)

    for _ in range(2):
        async with session.get(http_url(application, "/fine")) as response:
            assert await response.text() == "fine"
    await until(lambda: "of kernel.terminate failed" in caplog.text)


async def test_exception_listener_that_raises_an_http_exception_sets_the_response(
    serve: Serve, session: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    """An `HttpException` of a listener is a response, not a failure."""
    application = await serve(Broken)

    async def refuse(event: ExceptionEvent) -> None:
        raise NotFoundException("no such thing")

    application.dispatcher.add_listener(KernelEvents.KERNEL_EXCEPTION, refuse)

    async with session.get(http_url(application, "/raises")) as response:
        assert response.status == 404
    assert not [r for r in caplog.records if r.levelno >= logging.ERROR]


class Unusual:
    @http("GET", "/listener", "listener")
    async def listener(self, request: Request) -> str:
        return "of the action"

    @http("GET", "/written-natively", "written_natively")
    async def written_natively(self, request: Request) -> Response:
        out = web.StreamResponse()
        await out.prepare(request.native)
        await out.write(b"native")
        return StreamResponse(pieces())

    @http("GET", "/two-types", "two_types")
    async def two_types(self, request: Request) -> Response:
        response = Response("text")
        response.headers.add("Content-Type", "text/plain")
        response.headers.add("Content-Type", "text/html")
        return response

    @http("GET", "/close", "close")
    async def close(self, request: Request) -> Response:
        return Response("last", headers={"Connection": "Close"})


async def pieces() -> Any:
    yield b"piece"


def assign_text(event: ResponseEvent) -> None:
    event.response = "text"  # type: ignore[assignment]


def set_none(event: Any) -> None:
    event.set_response(None)


@pytest.mark.parametrize(
    ("phase", "change"),
    [
        (KernelEvents.KERNEL_HEAD, set_none),
        (KernelEvents.KERNEL_REQUEST, set_none),
        (KernelEvents.KERNEL_RESPONSE, set_none),
        (KernelEvents.KERNEL_RESPONSE, assign_text),
    ],
)
async def test_listener_that_sets_no_response_is_a_logged_error(
    serve: Serve,
    session: aiohttp.ClientSession,
    caplog: pytest.LogCaptureFixture,
    phase: KernelEvents,
    change: Callable[[Any], None],
) -> None:
    application = await serve(Unusual)
    terminated: list[TerminateEvent] = []

    async def first_time(event: Any) -> None:
        application.dispatcher.remove_listener(phase, first_time)
        change(event)

    async def terminate(event: TerminateEvent) -> None:
        terminated.append(event)

    application.dispatcher.add_listener(phase, first_time)
    application.dispatcher.add_listener(KernelEvents.KERNEL_TERMINATE, terminate)

    async with session.get(http_url(application, "/listener")) as response:
        assert (response.status, await response.json()) == (500, INTERNAL)
    await until(lambda: terminated)
    (record,) = [record for record in caplog.records if record.exc_info]
    assert "must be a Response" in str(record.exc_info and record.exc_info[1])


async def test_stream_after_a_native_response_is_not_sent(serve: Serve) -> None:
    async with raw_http(await serve(Unusual)) as connection:
        await connection.send(get("/written-natively"))
        received = await connection.closed()
    assert received.count(b"HTTP/1.1 ") == 1
    assert b"piece" not in received


@pytest.mark.parametrize("head", [get("/two-types"), get("/two-types", "Connection: close")])
async def test_first_of_two_content_types_is_sent(serve: Serve, head: bytes) -> None:
    async with raw_http(await serve(Unusual)) as connection:
        await connection.send(head)
        answer = await connection.answer()
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


async def test_connection_closes_after_a_response_that_says_so(serve: Serve) -> None:
    """RFC 9112 §9.6: a server that sends ``close`` must close the connection."""
    async with raw_http(await serve(Unusual)) as connection:
        await connection.send(get("/close"), get("/close"))
        received = await connection.closed()
    assert received.count(b"HTTP/1.1 200") == 1
    assert received.lower().count(b"connection: close") == 1
