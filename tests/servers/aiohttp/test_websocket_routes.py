"""WebSockets of bundles, with real clients."""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import WSMsgType, web
from injector import inject

from rxkernel import (
    Application,
    Bundle,
    ConfigurationError,
    DisconnectReason,
    ExceptionEvent,
    ForbiddenException,
    HttpServer,
    KernelEvents,
    Request,
    Response,
    RxKernelError,
    UnauthorizedException,
    WebSocket,
    http,
    observe,
)
from tests.servers.conftest import Serve, http_url
from tests.waiting import until

Accept = Callable[[WebSocket], Awaitable[None]]


class Home:
    @http("GET", "/home", "home")
    async def home(self, request: Request) -> str:
        return type(request.native).__name__


def bundle_of(accept: Accept, path: str = "/ws", **options: Any) -> type[Bundle]:
    class Sockets(Bundle):
        name = "sockets"

        @inject
        def __init__(self, http: HttpServer) -> None:
            http.websocket(path, accept, **options)

    return Sockets


async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    async for message in websocket:
        await websocket.send(message)


def count(application: Application, name: str) -> int:
    return application.servers["http"].counts.get(name, 0)


async def test_websocket_echoes_text_and_bytes_in_order(
    serve: Serve, session: aiohttp.ClientSession, http_path: str
) -> None:
    application = await serve(Home, bundles=[bundle_of(echo)])

    async with session.ws_connect(http_url(application, "/ws")) as client:
        for message in ("tea", "", "ü" * 1000):
            await client.send_str(message)
        await client.send_bytes(b"\0milk")
        assert [(await client.receive()).data for _ in range(4)] == [
            "tea",
            "",
            "ü" * 1000,
            b"\0milk",
        ]
        async with session.get(http_url(application, "/home")) as response:
            assert ("FastPathNative" in await response.text()) == (http_path == "fast")


async def test_websocket_request_has_the_data_of_the_handshake(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    async def tell(websocket: WebSocket) -> None:
        request = websocket.request
        await websocket.accept(headers={"X-Room": "tea"})
        parts = [request.url, request.params["a"], request.params["room"], request.cookies["c"]]
        assert websocket.client is not None
        assert websocket.client == request.client
        await websocket.send(" ".join([*parts, request.headers["X-One"], websocket.client.host]))

    application = await serve(bundles=[bundle_of(tell, "/ws/{room:path}")])
    headers = {"X-One": "1", "Cookie": "c=d"}

    async with session.ws_connect(
        http_url(application, "/ws/tea/green?a=b"), headers=headers
    ) as client:
        assert (await client.receive()).data == "/ws/tea/green?a=b b tea/green d 1 127.0.0.1"
        assert client.get_extra_info("peername")
        closed = await client.receive()
        assert (closed.type, closed.data) == (WSMsgType.CLOSE, 1000)


async def test_websocket_accepts_an_offered_protocol_only(
    serve: Serve, session: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    async def choose(websocket: WebSocket) -> None:
        await websocket.accept(websocket.request.params["protocol"])
        await websocket.send(f"{websocket.protocol} of {websocket.protocols}")

    application = await serve(bundles=[bundle_of(choose)])

    url = http_url(application, "/ws?protocol=two")
    async with session.ws_connect(url, protocols=("one", "two")) as client:
        assert client.protocol == "two"
        assert (await client.receive()).data == "two of ('one', 'two')"
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await session.ws_connect(url, protocols=("one",))
    assert caught.value.status == 500
    assert "does not offer the protocol 'two'" in caplog.text


async def test_exception_before_accept_is_an_error_response_of_the_kernel(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    async def refuse(websocket: WebSocket) -> None:
        raise UnauthorizedException("who are you?", headers={"WWW-Authenticate": "Bearer"})

    class Shape:
        @observe(KernelEvents.KERNEL_EXCEPTION)
        async def shape(self, event: ExceptionEvent) -> None:
            if event.request.headers.get("X-Shape"):
                event.set_response(Response({"shaped": str(event.exception)}, 401))

    application = await serve(bundles=[bundle_of(refuse)], listeners=[Shape])
    handshake = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    url = http_url(application, "/ws")

    async with session.get(url, headers=handshake) as response:
        assert (response.status, response.headers["WWW-Authenticate"]) == (401, "Bearer")
        assert await response.json() == {"statusCode": 401, "message": "who are you?"}
    async with session.get(url, headers={**handshake, "X-Shape": "1"}) as response:
        assert await response.json() == {"shaped": "who are you?"}


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("GET", {}, 426),
        ("POST", {}, 405),
        ("GET", {"Upgrade": "websocket", "Connection": "Upgrade"}, 426),
        (
            "GET",
            {
                "Upgrade": "websocket",
                "Connection": "Upgrade",
                "Sec-WebSocket-Version": "13",
                "Sec-WebSocket-Key": "short",
            },
            400,
        ),
    ],
)
async def test_malformed_handshake_is_rejected_before_the_callable(
    serve: Serve,
    session: aiohttp.ClientSession,
    method: str,
    headers: dict[str, str],
    status: int,
) -> None:
    async def never(websocket: WebSocket) -> None:
        pytest.fail("called")

    application = await serve(bundles=[bundle_of(never)])

    async with session.request(method, http_url(application, "/ws"), headers=headers) as response:
        assert response.status == status
        assert (await response.json())["statusCode"] == status


async def test_websocket_not_accepted_is_403_and_send_before_accept_raises(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    async def ignore(websocket: WebSocket) -> None:
        for early in (websocket.receive, websocket.close):
            with pytest.raises(RxKernelError, match="not accepted yet"):
                await early()

    application = await serve(bundles=[bundle_of(ignore)])

    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await session.ws_connect(http_url(application, "/ws"))
    assert caught.value.status == 403


@pytest.mark.parametrize(
    ("origins", "origin", "status"),
    [
        ((), "https://evil.example", 403),
        (("https://shop.example",), "https://shop.example", 101),
        (("*",), "https://evil.example", 101),
    ],
)
async def test_websocket_of_another_origin_is_403_unless_listed_and_has_no_cookies(
    serve: Serve,
    session: aiohttp.ClientSession,
    origins: tuple[str, ...],
    origin: str,
    status: int,
) -> None:
    async def cookies(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send(str(dict(websocket.request.cookies)))

    application = await serve(http={"origins": origins}, bundles=[bundle_of(cookies)])
    headers = {"Origin": origin, "Cookie": "sid=1", "Authorization": "Basic x"}
    url = http_url(application, "/ws")

    if status == 403:
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await session.ws_connect(url, headers=headers)
        assert caught.value.status == 403
        assert count(application, "http.origins") == 1
    else:
        async with session.ws_connect(url, headers=headers) as client:
            assert (await client.receive()).data == "{}"


async def test_websocket_for_another_host_is_421(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    application = await serve(http={"allowed_hosts": ("here",)}, bundles=[bundle_of(echo)])

    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await session.ws_connect(http_url(application, "/ws"))
    assert caught.value.status == 421


async def test_message_above_max_size_closes_with_1009(
    serve: Serve, session: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    application = await serve(bundles=[bundle_of(echo, max_size=10)])

    async with session.ws_connect(http_url(application, "/ws")) as client:
        await client.send_str("x" * 10)
        assert (await client.receive()).data == "x" * 10
        await client.send_str("x" * 11)
        assert (await client.receive()).data == 1009
    assert count(application, "websocket.max_size") == 1
    assert "for /ws: a message is larger than 10 bytes (1 so far)" in caplog.text


async def test_max_size_is_http_body_limit_by_default(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    application = await serve(http={"body_limit": 20}, bundles=[bundle_of(echo)])

    async with session.ws_connect(http_url(application, "/ws")) as client:
        await client.send_bytes(b"x" * 21)
        assert (await client.receive()).data == 1009


async def test_exception_after_accept_is_logged_and_closes_with_1011(
    serve: Serve, session: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(websocket: WebSocket) -> None:
        await websocket.accept()
        raise ForbiddenException("too late")

    application = await serve(bundles=[bundle_of(fail)])

    async with session.ws_connect(http_url(application, "/ws")) as client:
        assert (await client.receive()).data == 1011
    await until(lambda: "the WebSocket /ws failed" in caplog.text)
    assert "too late" in caplog.text


async def test_close_sends_code_and_reason(serve: Serve, session: aiohttp.ClientSession) -> None:
    async def close(websocket: WebSocket) -> None:
        await websocket.accept()
        for code, reason in ((999, ""), (1005, ""), (5000, ""), (1000, "x" * 124)):
            with pytest.raises(ValueError, match=r"close code|at most 123 bytes"):
                await websocket.close(code, reason)
        await websocket.close(4001, "no tea")
        await websocket.close()
        assert websocket.is_closed
        assert [await websocket.receive() for _ in range(10)] == [None] * 10
        with pytest.raises(ConnectionError):
            await websocket.send("more")

    application = await serve(bundles=[bundle_of(close)])

    async with session.ws_connect(http_url(application, "/ws")) as client:
        closed = await client.receive()
        assert (closed.data, closed.extra) == (4001, "no tea")


async def test_client_disconnect_ends_receive_and_send_without_a_log(
    serve: Serve, session: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    ended: list[str] = []

    async def push(websocket: WebSocket) -> None:
        await websocket.accept()
        assert await websocket.receive() is None
        ended.append("receive")
        try:
            await websocket.send("more")
        finally:
            ended.append("send")

    application = await serve(bundles=[bundle_of(push)])

    client = await session.ws_connect(http_url(application, "/ws"))
    await client.close()
    await until(lambda: ended == ["receive", "send"])
    await until(lambda: not in_flight(application))
    assert [r for r in caplog.records if r.levelno >= logging.WARNING] == []


def in_flight(application: Application) -> Any:
    server: Any = application.servers["http"]
    return server.in_flight


async def test_client_without_a_pong_is_closed(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    ended = asyncio.Event()

    async def wait(websocket: WebSocket) -> None:
        await websocket.accept()
        assert await websocket.receive() is None
        ended.set()

    application = await serve(bundles=[bundle_of(wait, heartbeat=0.2)])

    async with session.ws_connect(http_url(application, "/ws"), autoping=False) as client:
        assert (await client.receive()).type == WSMsgType.PING
        async with asyncio.timeout(20):
            await ended.wait()


async def test_client_that_reads_nothing_is_closed_after_send_timeout(serve: Serve) -> None:
    failures: list[BaseException] = []

    async def flood(websocket: WebSocket) -> None:
        await websocket.accept()
        try:
            while True:
                await websocket.send(b"x" * 65536)
        except ConnectionError as exc:
            failures.append(exc)
            raise

    application = await serve(http={"send_timeout": 0.3}, bundles=[bundle_of(flood)])
    with socket.create_connection(("127.0.0.1", application.servers["http"].port or 0)) as client:
        client.sendall(
            b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        await until(lambda: failures)
    assert count(application, "http.send_timeout") == 1


async def test_send_cancelled_while_client_does_not_read_does_not_cancel_other_senders(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    results: list[str] = []
    read, message = asyncio.Event(), "x" * 200_000

    async def send(websocket: WebSocket) -> None:
        await websocket.accept()
        while websocket.send_text(message.encode()):
            pass
        sends = [asyncio.create_task(websocket.send(text + message)) for text in "abc"]
        await asyncio.sleep(0)  # the senders start
        sends[0].cancel()
        await asyncio.wait({sends[0]})
        assert not any(task.done() for task in sends[1:])
        read.set()
        await asyncio.gather(*sends[1:])
        results.append("sent")
        await websocket.send("end")

    application = await serve(bundles=[bundle_of(send)])

    async with session.ws_connect(http_url(application, "/ws")) as client:
        await read.wait()
        texts = [message]
        while texts[-1] == message:
            texts[-1] = await client.receive_str(timeout=20)
        texts += [await client.receive_str(timeout=20) for _ in range(3)]

    assert texts == ["a" + message, "b" + message, "c" + message, "end"]
    assert results == ["sent"]


async def test_stop_closes_with_1001_and_waits_for_the_callable(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    ended: list[str] = []

    async def wait(websocket: WebSocket) -> None:
        await websocket.accept()
        async for _ in websocket:
            pass
        ended.append("callable")

    application = await serve(bundles=[bundle_of(wait)])

    async with session.ws_connect(http_url(application, "/ws")) as client:
        stopping = asyncio.ensure_future(application.stop())
        closed = await client.receive()
        assert (closed.data, closed.extra) == (1001, "the server is stopping")
        assert await stopping
    assert ended == ["callable"]


async def test_handshake_in_progress_at_the_stop_is_503(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    sockets: list[WebSocket] = []
    may_go = asyncio.Event()

    async def wait(websocket: WebSocket) -> None:
        sockets.append(websocket)
        await may_go.wait()
        await websocket.accept()

    application = await serve(bundles=[bundle_of(wait)])
    connecting = asyncio.ensure_future(session.ws_connect(http_url(application, "/ws")))
    await until(lambda: sockets)
    stopping = asyncio.ensure_future(application.stop())
    await until(lambda: sockets[0].is_draining)
    may_go.set()

    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await connecting
    assert caught.value.status == 503
    assert await stopping


async def test_client_disconnect_before_accept_is_not_logged(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    sockets: list[WebSocket] = []

    async def late(websocket: WebSocket) -> None:
        sockets.append(websocket)
        await until(lambda: websocket.request.native.transport is None)
        await websocket.accept()

    application = await serve(bundles=[bundle_of(late)])
    with socket.create_connection(("127.0.0.1", application.servers["http"].port or 0)) as client:
        client.sendall(
            b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        await until(lambda: sockets)
    await until(lambda: not in_flight(application))
    assert [r for r in caplog.records if r.levelno >= logging.WARNING] == []


async def test_connection_of_a_websocket_counts_for_max_connections(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    application = await serve(http={"max_connections": 1}, bundles=[bundle_of(echo)])

    async with session.ws_connect(http_url(application, "/ws")):
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await session.ws_connect(http_url(application, "/ws"))
    assert caught.value.status == 503


async def test_access_log_has_one_line_with_the_path_when_it_ends(
    serve: Serve, session: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="rxkernel.access")
    application = await serve(access=True, bundles=[bundle_of(echo)])

    async with session.ws_connect(http_url(application, "/ws")):
        pass
    await until(lambda: [r for r in caplog.records if r.name == "rxkernel.access"])
    [line] = [r.getMessage() for r in caplog.records if r.name == "rxkernel.access"]
    assert "GET /ws" in line
    assert "101" in line


# --- a path that is shared, draining, rejection, reasons


class Pages:
    @http("GET", "/shared", "page")
    async def page(self, request: Request) -> str:
        return type(request.native).__name__

    @http("POST", "/shared", "post", status_code=201)
    async def post(self, request: Request) -> Any:
        return request.body


async def test_shared_path_serves_websockets_and_routes_of_the_kernel(
    serve: Serve, session: aiohttp.ClientSession, http_path: str
) -> None:
    application = await serve(Pages, bundles=[bundle_of(echo, "/shared", shared=True)])
    url = http_url(application, "/shared")

    async with session.ws_connect(url) as client:
        await client.send_str("tea")
        assert await client.receive_str() == "tea"
    async with session.get(url) as response:
        assert response.status == 200
        assert ("FastPathNative" in await response.text()) == (http_path == "fast")
    async with session.post(url, json={"a": 1}, expect100=True) as response:
        assert (response.status, await response.json()) == (201, {"a": 1})
    async with session.put(url) as response:
        assert response.status == 405


async def test_shared_path_without_route_responds_404_to_other_requests(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    application = await serve(Home, bundles=[bundle_of(echo, "/shared", shared=True)])

    async with session.get(http_url(application, "/shared")) as response:
        assert response.status == 404
        assert (await response.json())["statusCode"] == 404


async def test_shared_path_with_mount_passes_other_requests_to_it(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    class Both(Bundle):
        name = "both"

        @inject
        def __init__(self, http: HttpServer) -> None:
            http.mount("/shared", self.mounted)
            http.websocket("/shared", echo, shared=True)

        async def mounted(self, native: web.Request) -> web.Response:
            return web.Response(text=f"mounted {native.method}")

    application = await serve(Home, bundles=[Both])
    url = http_url(application, "/shared")

    async with session.ws_connect(url) as client:
        await client.send_str("tea")
        assert await client.receive_str() == "tea"
    async with session.get(url) as response:
        assert await response.text() == "mounted GET"
    async with session.post(url) as response:
        assert await response.text() == "mounted POST"


async def test_shared_path_twice_is_an_error_at_boot(serve: Serve) -> None:
    class Twice(Bundle):
        name = "twice"

        @inject
        def __init__(self, http: HttpServer) -> None:
            http.websocket("/shared", echo, shared=True)
            http.websocket("/shared", echo, shared=True)

    with pytest.raises(ConfigurationError, match="is mounted twice"):
        await serve(Home, bundles=[Twice])


async def test_drain_is_awaited_once_before_websockets_are_closed(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    draining, released, calls = asyncio.Event(), asyncio.Event(), 0

    async def drain() -> None:
        nonlocal calls
        calls += 1
        draining.set()
        await released.wait()

    application = await serve(Home, bundles=[bundle_of(echo, drain=drain)])
    url = http_url(application, "/ws")
    async with session.ws_connect(url) as client, session.ws_connect(url):
        stopping = asyncio.create_task(application.stop())
        await draining.wait()
        await client.send_str("tea")
        assert await client.receive_str() == "tea"
        released.set()
        message = await client.receive()
        assert (message.type, message.data) == (WSMsgType.CLOSE, 1001)
        await stopping

    assert calls == 1


async def test_drain_that_fails_is_logged_and_websockets_are_closed(
    serve: Serve, session: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    async def drain() -> None:
        raise RuntimeError("broken")

    application = await serve(Home, bundles=[bundle_of(echo, drain=drain)])
    async with session.ws_connect(http_url(application, "/ws")) as client:
        await application.stop()
        assert (await client.receive()).type is WSMsgType.CLOSE

    assert "the drain function of WebSockets failed" in caplog.text


async def test_reject_sends_response_in_place_of_handshake(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    async def reject(websocket: WebSocket) -> None:
        websocket.reject(Response({"message": "no"}, 418, {"X-Why": "tea"}))

    application = await serve(Home, bundles=[bundle_of(reject)])

    with pytest.raises(aiohttp.WSServerHandshakeError) as error:
        await session.ws_connect(http_url(application, "/ws"))
    assert error.value.status == 418
    assert error.value.headers is not None
    assert error.value.headers["X-Why"] == "tea"


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (1000, DisconnectReason.CLIENT),
        (4000, DisconnectReason.CLIENT),
        (1001, DisconnectReason.TRANSPORT_CLOSE),
        (None, DisconnectReason.TRANSPORT_CLOSE),
    ],
)
async def test_reason_of_disconnect_names_its_cause(
    serve: Serve,
    session: aiohttp.ClientSession,
    code: int | None,
    reason: DisconnectReason,
) -> None:
    ended: list[WebSocket] = []

    async def accept(websocket: WebSocket) -> None:
        await websocket.accept()
        assert websocket.reason is None
        async for _ in websocket:
            pass
        ended.append(websocket)

    application = await serve(Home, bundles=[bundle_of(accept)])
    async with session.ws_connect(http_url(application, "/ws")) as client:
        if code is None:
            transport = client.get_extra_info("socket")
            transport.shutdown(socket.SHUT_RDWR)
        else:
            await client.close(code=code)
        await until(lambda: ended)

    assert ended[0].reason is reason


async def test_send_text_sends_bytes_as_text(serve: Serve, session: aiohttp.ClientSession) -> None:
    async def accept(websocket: WebSocket) -> None:
        await websocket.accept()
        with pytest.raises(RxKernelError, match="is already accepted"):
            websocket.reject(Response())
        assert websocket.send_text("ü".encode())
        assert not websocket.is_congested
        await websocket.send(websocket.site)
        await websocket.receive()

    application = await serve(Home, bundles=[bundle_of(accept)])
    async with session.ws_connect(http_url(application, "/ws")) as client:
        assert await client.receive_str() == "ü"
        assert await client.receive_str() == http_url(application, "")


async def test_callable_that_waits_after_its_websocket_was_closed_is_cancelled_at_the_deadline(
    serve: Serve, session: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    ended: list[str] = []

    async def stay(websocket: WebSocket) -> None:
        await websocket.accept()
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("cancelled")

    application = await serve(bundles=[bundle_of(stay)], shutdown_timeout=0.1)
    async with session.ws_connect(http_url(application, "/ws")) as client:
        stopping = asyncio.create_task(application.stop())
        assert (await client.receive(timeout=20)).data == 1001
        await stopping

    assert ended == ["cancelled"]
