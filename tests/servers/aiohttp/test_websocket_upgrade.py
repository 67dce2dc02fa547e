"""WebSockets of routes: `HttpServer.upgrade`, with real clients."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar

import aiohttp
import pytest
from aiohttp import WSMsgType
from injector import inject

from rxkernel import (
    Application,
    ConflictException,
    DefinitionEvent,
    ExceptionEvent,
    ForbiddenException,
    HeadEvent,
    HttpMetadata,
    HttpServer,
    KernelClient,
    KernelEvents,
    Request,
    RequestEvent,
    Response,
    ResponseEvent,
    RxKernelError,
    TerminateEvent,
    UpgradeResponse,
    WebSocket,
    observe,
)
from tests.servers.conftest import Serve, http_url
from tests.waiting import until

Accept = Callable[[WebSocket], Awaitable[None]]


async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    async for message in websocket:
        await websocket.send(message)


class Talk:
    """A route whose action upgrades its request."""

    accept: Accept = staticmethod(echo)
    options: ClassVar[dict[str, Any]] = {}

    @inject
    def __init__(self, server: HttpServer) -> None:
        self.server = server

    async def talk(self, request: Request) -> Response:
        return await self.server.upgrade(request, type(self).accept, **self.options)


def talk_of(accept: Accept, **options: Any) -> type[Talk]:
    return type("Talk", (Talk,), {"accept": staticmethod(accept), "options": options})


class Routes:
    """Adds the route ``/talk`` at boot."""

    def __init__(self, target: type) -> None:
        self.target = target

    @observe("application.bootstrap")
    async def add(self, event: Any) -> None:
        event.http_metadata_storage.add(route_of(self.target))


def route_of(target: type, path: str = "/talk") -> HttpMetadata:
    return HttpMetadata(target, path.strip("/"), path, "GET", "talk")


def parts(target: type, *listeners: Any) -> dict[str, Any]:
    return {"listeners": [Routes(target), *listeners]}


async def status_of(session: aiohttp.ClientSession, url: str, **options: Any) -> int:
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await session.ws_connect(url, **options)
    return caught.value.status


class Phases:
    """Records the phases of messages."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    @observe(KernelEvents.KERNEL_HEAD)
    async def head(self, event: HeadEvent) -> None:
        self.seen.append("head")

    @observe(KernelEvents.KERNEL_REQUEST)
    async def request(self, event: RequestEvent) -> None:
        self.seen.append("request")

    @observe(KernelEvents.KERNEL_RESPONSE)
    async def response(self, event: ResponseEvent) -> None:
        assert isinstance(event.response, UpgradeResponse)
        self.seen.append(f"response {event.response.status_code}")
        event.response.headers["X-Room"] = "tea"
        event.response.set_cookie("a", "1")
        event.response.set_cookie("b", "2")

    @observe(KernelEvents.KERNEL_TERMINATE)
    async def terminate(self, event: TerminateEvent) -> None:
        self.seen.append(f"terminate {event.response.status_code}")


async def test_upgrade_runs_every_phase_of_its_route_once(
    serve: Serve, session: aiohttp.ClientSession, http_path: str
) -> None:
    phases = Phases()
    application = await serve(Talk, **parts(Talk, phases))

    async with session.ws_connect(http_url(application, "/talk?a=b")) as client:
        assert phases.seen == ["head", "request", "response 101"]
        assert client._response.headers["X-Room"] == "tea"
        assert client._response.headers.getall("Set-Cookie") == [
            "a=1; Path=/; SameSite=Lax",
            "b=2; Path=/; SameSite=Lax",
        ]
        await client.send_str("tea")
        assert await client.receive_str(timeout=20) == "tea"
        assert phases.seen[3:] == []
    await until(lambda: len(phases.seen) == 4)

    assert phases.seen[3] == "terminate 101"


async def test_upgrade_request_is_the_request_of_the_action(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    async def tell(websocket: WebSocket) -> None:
        await websocket.accept("two", headers={"X-Own": "1"})
        request = websocket.request
        await websocket.send(f"{request.route_name} {request.path} {request.params['a']}")

    target = talk_of(tell)
    application = await serve(target, **parts(target))

    async with session.ws_connect(http_url(application, "/talk?a=b"), protocols=("two",)) as ws:
        assert ws.protocol == "two"
        assert ws._response.headers["X-Own"] == "1"
        assert await ws.receive_str(timeout=20) == "talk /talk b"
        closed = await ws.receive(timeout=20)
        assert (closed.type, closed.data) == (WSMsgType.CLOSE, 1000)


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("GET", {}, 426),
        ("HEAD", {}, 405),
        ("POST", {}, 405),
        ("GET", {"Upgrade": "h2c", "Connection": "Upgrade"}, 426),
        ("GET", {"Upgrade": "websocket", "Connection": "Upgrade"}, 426),
        ("GET", {"Upgrade": "websocket", "Sec-WebSocket-Version": "13"}, 400),
    ],
)
async def test_upgrade_without_handshake_is_an_error(
    serve: Serve,
    session: aiohttp.ClientSession,
    http_path: str,
    method: str,
    headers: dict[str, str],
    status: int,
) -> None:
    async def never(websocket: WebSocket) -> None:
        pytest.fail("called")

    target = talk_of(never)
    application = await serve(target, **parts(target))

    url = http_url(application, "/talk")
    async with session.request(method, url, headers=headers) as response:
        assert response.status == status
        if status == 426:
            assert {"Upgrade", "Sec-WebSocket-Version"} & set(response.headers)


async def test_upgrade_in_a_test_client_is_426() -> None:
    application = Application(controllers=[Talk], listeners=[Routes(Talk)])

    async with application:
        response = await KernelClient(application).http("talk")

    assert response.status_code == 426
    assert response.headers["Upgrade"] == "websocket"


async def test_upgrade_that_is_not_accepted_is_rejected(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    async def choose(websocket: WebSocket) -> None:
        match websocket.request.params["how"]:
            case "raise":
                raise ConflictException("taken")
            case "reject":
                websocket.reject(Response("busy", 503))
            case "exit":
                raise SystemExit(1)
            case "cancel":
                raise asyncio.CancelledError
            case "protocol":
                await websocket.accept("other")

    target = talk_of(choose)
    application = await serve(target, **parts(target))
    url = http_url(application, "/talk")

    ways = ("raise", "reject", "return", "exit", "cancel", "protocol")
    statuses = [await status_of(session, f"{url}?how={how}") for how in ways]

    assert statuses == [409, 503, 403, 500, 500, 500]


async def test_upgrade_accepted_twice_is_an_error(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    async def twice(websocket: WebSocket) -> None:
        first = asyncio.create_task(websocket.accept())
        await asyncio.sleep(0)
        with pytest.raises(RxKernelError, match="already accepted"):
            await websocket.accept()
        await first
        await websocket.send("once")

    target = talk_of(twice)
    application = await serve(target, **parts(target))

    async with session.ws_connect(http_url(application, "/talk")) as client:
        assert await client.receive_str(timeout=20) == "once"


async def test_upgrade_exception_after_accept_closes_with_1011(
    serve: Serve, session: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(websocket: WebSocket) -> None:
        await websocket.accept()
        raise LookupError("no tea")

    target = talk_of(fail)
    application = await serve(target, **parts(target))

    async with session.ws_connect(http_url(application, "/talk")) as client:
        assert (await client.receive(timeout=20)).data == 1011
    assert "the WebSocket /talk failed" in caplog.text


async def test_upgrade_rejected_in_the_head_phase_does_not_call_the_action(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    async def never(websocket: WebSocket) -> None:
        pytest.fail("called")

    class Refuse:
        @observe(KernelEvents.KERNEL_HEAD)
        async def refuse(self, event: HeadEvent) -> None:
            raise ForbiddenException

    target = talk_of(never)
    application = await serve(target, **parts(target, Refuse))

    assert await status_of(session, http_url(application, "/talk")) == 403


async def test_upgrade_failed_by_a_response_listener_cancels_the_function(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    ended: list[str] = []

    async def wait(websocket: WebSocket) -> None:
        try:
            await websocket.accept()
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise

    class Late:
        @observe(KernelEvents.KERNEL_RESPONSE)
        async def late(self, event: ResponseEvent) -> None:
            if event.response.status_code == 101:
                if event.request.params["how"] == "raise":
                    raise ConflictException
                event.set_response(Response("replaced", 410))

    target = talk_of(wait)
    application = await serve(target, **parts(target, Late))
    url = http_url(application, "/talk")

    statuses = [await status_of(session, f"{url}?how={how}") for how in ("raise", "replace")]
    await until(lambda: len(ended) == 2)

    assert statuses == [409, 410]


async def test_upgrade_handshake_with_an_invalid_result_is_an_error(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    """The function catches what `accept` raises, and returns."""

    async def swallow(websocket: WebSocket) -> None:
        websocket.is_draining = True
        with pytest.raises(Exception, match="stopping"):
            await websocket.accept()

    target = talk_of(swallow)
    application = await serve(target, **parts(target))

    assert await status_of(session, http_url(application, "/talk")) == 403


async def test_upgrade_whose_function_ends_during_the_response_phase_is_403(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    ended = asyncio.Event()

    async def give_up(websocket: WebSocket) -> None:
        accepting = asyncio.create_task(websocket.accept())
        await asyncio.sleep(0)
        accepting.cancel()
        await asyncio.wait({accepting})
        ended.set()

    class Slow:
        @observe(KernelEvents.KERNEL_RESPONSE)
        async def slow(self, event: ResponseEvent) -> None:
            await ended.wait()

    target = talk_of(give_up)
    application = await serve(target, **parts(target, Slow))

    assert await status_of(session, http_url(application, "/talk")) == 403


async def test_upgrade_function_that_fails_while_it_is_cancelled_is_logged(
    serve: Serve, session: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(websocket: WebSocket) -> None:
        try:
            await websocket.accept()
        finally:
            raise LookupError("no tea")

    class Late:
        @observe(KernelEvents.KERNEL_RESPONSE)
        async def late(self, event: ResponseEvent) -> None:
            if event.response.status_code == 101:
                raise ConflictException

    target = talk_of(fail)
    application = await serve(target, **parts(target, Late))

    assert await status_of(session, http_url(application, "/talk")) == 409
    await until(lambda: "the WebSocket /talk failed while it was cancelled" in caplog.text)


async def test_upgrade_whose_request_is_cancelled_cancels_the_function(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    ended: list[str] = []

    async def stay(websocket: WebSocket) -> None:
        await websocket.accept()
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("cancelled")

    target = talk_of(stay)
    application = await serve(target, **parts(target))
    server = application.injector.get(HttpServer)

    async with session.ws_connect(http_url(application, "/talk")) as client:
        for task in server.in_flight:
            task.cancel()
        assert (await client.receive(timeout=20)).type in (WSMsgType.CLOSED, WSMsgType.CLOSE)

    assert ended == ["cancelled"]


async def test_upgrade_timeout_of_the_action_ends_at_accept(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    """A wrapper that cancels the action cancels the function only before it has accepted."""
    cancelled: list[str] = []

    async def choose(websocket: WebSocket) -> None:
        try:
            if "late" in websocket.request.params:
                await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append("late")
            raise
        await websocket.accept()
        async for message in websocket:
            await websocket.send(message)

    running: list[asyncio.Task[Any]] = []

    class Limit:
        @observe(KernelEvents.KERNEL_DEFINITION)
        async def limit(self, event: DefinitionEvent) -> None:
            def limited(action: Any) -> Any:
                async def call(request: Request) -> Any:
                    running.append(asyncio.create_task(action(request)))
                    try:
                        return await running[-1]
                    except asyncio.CancelledError:
                        raise ConflictException("too late") from None

                return call

            if event.definition.name == "talk":
                event.wrap(limited)

    target = talk_of(choose)
    application = await serve(target, **parts(target, Limit))
    url = http_url(application, "/talk")

    async with session.ws_connect(url) as client:
        assert running[0].done()
        await client.send_str("tea")
        assert await client.receive_str(timeout=20) == "tea"
    late = asyncio.create_task(status_of(session, f"{url}?late=1"))
    await until(lambda: len(running) == 2)
    running[1].cancel()

    assert await late == 409
    assert cancelled == ["late"]


async def test_upgrade_services_stay_open_until_the_end(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    log: list[str] = []

    class Resource:
        async def __aenter__(self) -> "Resource":
            log.append("opened")
            return self

        async def __aexit__(self, *exc: object) -> None:
            log.append("closed")

    async def use(websocket: WebSocket) -> None:
        await websocket.request.enter(Resource())
        await websocket.accept()
        async for message in websocket:
            await websocket.send(f"{message!r} {log}")

    target = talk_of(use)
    application = await serve(target, **parts(target))

    async with session.ws_connect(http_url(application, "/talk")) as client:
        await client.send_str("tea")
        assert await client.receive_str(timeout=20) == "'tea' ['opened']"
    await until(lambda: log == ["opened", "closed"])


async def test_upgrade_limits_are_the_arguments_of_upgrade(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    target = talk_of(echo, max_size=10)
    application = await serve(target, **parts(target))

    async with session.ws_connect(http_url(application, "/talk")) as client:
        await client.send_str("x" * 11)
        assert (await client.receive(timeout=20)).data == 1009
    assert application.servers["http"].counts["websocket.max_size"] == 1


async def test_upgrade_of_another_origin_is_403_and_has_no_credentials(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    """Browsers send cookies with the handshake of any page."""
    seen: list[str | None] = []

    class Cookies:
        @observe(KernelEvents.KERNEL_HEAD)
        async def read(self, event: HeadEvent) -> None:
            seen.append(event.request.cookies.get("sid"))

    application = await serve(
        Talk, http={"origins": ("https://a.example",)}, **parts(Talk, Cookies)
    )
    url = http_url(application, "/talk")
    cookie = {"Cookie": "sid=1"}

    status = await status_of(session, url, headers={**cookie, "Origin": "https://b.example"})
    async with session.ws_connect(url, headers={**cookie, "Origin": "https://a.example"}):
        pass
    async with session.ws_connect(url, headers=cookie):
        pass

    assert status == 403
    assert seen == [None, None, "1"]


async def test_upgrade_server_stop_drains_then_closes_with_1001(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    drained: list[str] = []

    async def drain() -> None:
        drained.append("drain")

    target = talk_of(echo, drain=drain)
    application = await serve(target, **parts(target))

    async with session.ws_connect(http_url(application, "/talk")) as client:
        stopping = asyncio.create_task(application.stop())
        closed = await client.receive(timeout=20)
        await stopping

    assert (closed.type, closed.data) == (WSMsgType.CLOSE, 1001)
    assert drained == ["drain"]


async def test_upgrade_stop_at_its_deadline_cancels_the_function(
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

    target = talk_of(stay)
    application = await serve(target, shutdown_timeout=0.1, **parts(target))

    async with session.ws_connect(http_url(application, "/talk")) as client:
        stopping = asyncio.create_task(application.stop())
        assert (await client.receive(timeout=20)).data == 1001
        await stopping

    assert ended == ["cancelled"]


async def test_upgrade_client_that_disconnects_before_accept_ends_the_handshake(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    events: list[str] = []
    go = asyncio.Event()

    async def wait(websocket: WebSocket) -> None:
        events.append("called")
        websocket.request.when_disconnected(go.set)
        await go.wait()
        try:
            await websocket.accept()
        except ConnectionError:
            events.append("gone")
            raise

    class Errors:
        @observe(KernelEvents.KERNEL_EXCEPTION)
        async def note(self, event: ExceptionEvent) -> None:
            events.append("exception")

    target = talk_of(wait)
    application = await serve(target, **parts(target, Errors))

    connecting = asyncio.create_task(session.ws_connect(http_url(application, "/talk")))
    await until(lambda: events)
    connecting.cancel()
    await until(lambda: len(events) > 1)

    assert events == ["called", "gone"]


async def test_upgrade_reload_adds_and_removes_the_path(
    serve: Serve, session: aiohttp.ClientSession, http_path: str
) -> None:
    """An open WebSocket keeps its definition."""
    application = await serve(Talk, **parts(Talk))
    added = route_of(Talk, "/more")

    assert await status_of(session, http_url(application, "/more")) == 404
    await application.reload(add=[added])
    async with session.ws_connect(http_url(application, "/more")) as client:
        await application.reload(remove=[added])
        assert await status_of(session, http_url(application, "/more")) == 404
        await client.send_str("still here")
        assert await client.receive_str(timeout=20) == "still here"
