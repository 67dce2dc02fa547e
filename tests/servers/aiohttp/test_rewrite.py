"""Requests whose target a rewriter of the application changes."""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from injector import inject

from rxkernel import (
    Application,
    Bundle,
    ConfigurationError,
    EventStreamResponse,
    HttpMetadata,
    HttpServer,
    HttpSettings,
    Kernel,
    KernelClient,
    LoopDetectedException,
    Request,
    RequestHead,
    Response,
    Rewrite,
    ServerSentEvent,
    Settings,
    StreamResponse,
    WebSocket,
    http,
)
from tests.servers.conftest import Serve, http_url
from tests.servers.mounted.hosts import Host, mount
from tests.servers.raw_http import raw_http


class Pages:
    @inject
    def __init__(self, server: HttpServer) -> None:
        self.server = server

    @http("GET", "/new", "new")
    async def new(self, request: Request) -> list[Any]:
        sent = request.attributes.get("sent_url")
        native = None if request.native is None else request.native.raw_path
        return [request.url, request.path, dict(request.params), sent, native]

    @http("POST", "/new/{id:int}", "save")
    async def save(self, id: int, request: Request) -> list[Any]:
        return [id, request.body]

    @http("GET", "/stream", "stream")
    async def stream(self, request: Request) -> StreamResponse:
        async def pieces() -> AsyncIterator[str]:
            yield str(request.attributes["sent_url"])

        return StreamResponse(pieces())

    @http("GET", "/late", "late_stream")
    async def late(self, request: Request) -> Response:
        """A stream without a return annotation, so that the fast path starts it."""
        return await self.stream(request)

    @http("GET", "/events", "events")
    async def events(self, request: Request) -> EventStreamResponse:
        async def pieces() -> AsyncIterator[ServerSentEvent]:
            yield ServerSentEvent(data={"sent": request.attributes["sent_url"]})

        return EventStreamResponse(pieces())

    @http("GET", "/talk", "talk")
    async def talk(self, request: Request) -> Response:
        return await self.server.upgrade(request, echo)


class Hidden:
    async def show(self, request: Request) -> list[Any]:
        return [request.url, request.path, request.params.get("id")]

    async def flow(self, request: Request) -> StreamResponse:
        return StreamResponse(_one(request.url))


async def _one(text: str) -> AsyncIterator[str]:
    yield text


async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    async for message in websocket:
        await websocket.send(message)


class Rules(Bundle):
    """Rewrites ``/old…`` to ``/new…``, and has routes without a path of their own."""

    name = "rules"

    @inject
    def __init__(self, server: HttpServer, kernel: Kernel) -> None:
        self.kernel = kernel
        self.seen: list[str] = []
        hidden = Hidden()
        self.hidden = (
            HttpMetadata(hidden, "hidden", "/hidden(.*)", "GET", "show", routed=False),
            HttpMetadata(hidden, "flow", "/flow", "GET", "flow", routed=False),
        )
        server.rewrite(self.rewrite)
        server.websocket("/socket", echo)
        server.handle("/calls", self.respond)
        server.mount("/native", self.native)

    async def respond(self, request: Request, body: bytes) -> Response:
        return Response([request.url, body.decode()])

    async def native(self, native: web.Request) -> web.Response:
        return web.Response(text=native.path)

    def rewrite(self, head: RequestHead) -> Rewrite | None:
        path = head.rel_url.raw_path
        self.seen.append(path)
        definitions = self.kernel.http_definitions
        match path:
            case "/loop":
                return Rewrite(path, LoopDetectedException())
            case "/broken":
                raise RuntimeError("a bug")
            case "/hide/7" | "/native":
                return Rewrite(head.raw_path, (definitions["hidden"], {"id": 7}))
            case "/flowing":
                return Rewrite(head.raw_path, (definitions["flow"], {}))
        if path.startswith("/old"):
            return Rewrite(head.rel_url.raw_path_qs.removeprefix("/old"))
        return None


async def served(serve: Serve, **parts: Any) -> Application:
    application = await serve(Pages, bundles=[Rules], **parts)
    await application.reload(add=application.injector.get(Rules).hidden)
    return application


async def test_rewritten_request_is_handled_by_route_of_new_target(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    application = await served(serve)

    async with session.get(http_url(application, "/old/new?a=1&b=%20")) as response:
        assert await response.json() == [
            "/new?a=1&b=%20",
            "/new",
            {"a": "1", "b": " "},
            "/old/new?a=1&b=%20",
            "/new?a=1&b=%20",
        ]
    async with session.get(http_url(application, "/new")) as response:
        assert await response.json() == ["/new", "/new", {}, None, "/new"]
    async with session.head(http_url(application, "/old/new")) as response:
        assert (response.status, response.method) == (200, "HEAD")
    async with session.post(http_url(application, "/old/new/7"), json={"x": 1}) as response:
        assert await response.json() == [7, {"x": 1}]
    async with session.get(http_url(application, "/old/nothing")) as response:
        assert response.status == 404
    async with session.delete(http_url(application, "/old/new")) as response:
        assert (response.status, response.headers["Allow"]) == (405, "GET, HEAD, OPTIONS")
    async with session.get(http_url(application, "/old/new%zz")) as response:
        assert response.status == 404  # a client library encodes the sign


async def test_body_in_pieces_and_absolute_target_are_rewritten(serve: Serve) -> None:
    application = await served(serve)

    async with raw_http(application) as http:
        await http.send(
            b"POST /old/new/7 HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Content-Length: 2\r\n\r\n",
            b"[",
            b"]",
        )
        assert (await http.answer()).json == [7, []]
        await http.send(b"GET http://x/old/new HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await http.answer()).status == 200


async def test_rewritten_absolute_target_keeps_its_host_for_the_check(serve: Serve) -> None:
    application = await served(serve, http={"allowed_hosts": ("good",)})

    async with raw_http(application) as http:
        await http.send(b"GET http://evil/old/new HTTP/1.1\r\nHost: good\r\n\r\n")
        assert (await http.answer()).status == 421
    async with raw_http(application) as http:
        await http.send(b"GET http://good/old/new HTTP/1.0\r\n\r\n")
        assert (await http.answer()).status == 200


@pytest.mark.parametrize("path", ["stream", "late"])
async def test_rewritten_request_of_stream_is_sent(
    serve: Serve, session: aiohttp.ClientSession, path: str
) -> None:
    application = await served(serve)

    async with session.get(http_url(application, f"/old/{path}")) as response:
        assert await response.text() == f"/old/{path}"


async def test_rewritten_request_of_event_stream_is_sent(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    application = await served(serve)

    async with session.get(http_url(application, "/old/events")) as response:
        assert await response.text() == 'data: {"sent":"/old/events"}\n\n'


@pytest.mark.parametrize("path", ["/old/talk", "/old/socket"])
async def test_rewritten_websocket_is_accepted(
    serve: Serve, session: aiohttp.ClientSession, path: str
) -> None:
    application = await served(serve)

    async with session.ws_connect(http_url(application, path)) as client:
        await client.send_str("hello")
        assert await client.receive_str() == "hello"


async def test_rewritten_request_reaches_native_routes_and_post_handlers(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    application = await served(serve)

    async with session.get(http_url(application, "/old/native")) as response:
        assert await response.text() == "/native"
    async with session.post(http_url(application, "/old/calls"), data=b"call") as response:
        assert await response.json() == ["/calls", "call"]


async def test_route_of_rewriter_is_used_also_for_a_native_path(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    application = await served(serve)

    for path in ("/hide/7", "/native"):
        async with session.get(http_url(application, path)) as response:
            assert await response.json() == [path, "/hidden(.*)", 7]
    async with session.get(http_url(application, "/flowing")) as response:
        assert await response.text() == "/flowing"
    async with session.get(http_url(application, "/hidden(.*)")) as response:
        assert response.status == 404


async def test_allowed_hosts_are_checked_before_the_rewriter(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    application = await served(serve, http={"allowed_hosts": ("known.test",)})

    for path in ("/hide/7", "/flowing", "/loop"):
        async with session.get(http_url(application, path)) as response:
            assert response.status == 421
    async with session.get(
        http_url(application, "/hide/7"), headers={"Host": "known.test"}
    ) as response:
        assert response.status == 200


async def test_rewriter_that_raises_sets_the_error_of_the_request(
    serve: Serve, session: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    application = await served(serve)

    async with session.get(http_url(application, "/loop")) as response:
        assert response.status == 508
        assert await response.json() == {"statusCode": 508, "message": "Loop Detected"}
    async with session.get(http_url(application, "/broken")) as response:
        assert response.status == 500
    assert "a bug" in caplog.text
    async with session.get(http_url(application, "/new")) as response:
        assert response.status == 200


async def test_rewriter_may_be_removed_and_set_while_the_server_runs(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    application = await served(serve)
    server = application.injector.get(HttpServer)
    own = server.rewriting.rewriter

    for rewriter, status in ((None, 404), (own, 200), (None, 404)):
        server.rewrite(rewriter)
        async with session.get(http_url(application, "/old/new")) as response:
            assert response.status == status


async def test_access_log_of_rewritten_request_has_the_sent_path(
    serve: Serve, session: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "rxkernel.access")
    application = await served(serve, access=True)

    for path in ("/old/new?token=secret", "/old/stream"):
        async with session.get(http_url(application, path)) as response:
            await response.read()
    await application.stop()

    lines = [(vars(r)["path"], vars(r)["route"]) for r in caplog.records if "route" in vars(r)]
    assert lines == [("/old/new", "new"), ("/old/stream", "stream")]


async def test_malformed_request_is_rejected_with_a_rewriter(serve: Serve) -> None:
    application = await served(serve)

    async with raw_http(application) as http:
        await http.send(b"GET /old/new HTTP/1.1\r\nHost: x\r\nbroken\r\n\r\n")
        assert (await http.answer()).status == 400


async def test_stream_that_began_before_the_rewriter_changed_is_sent(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    """aiohttp parses the message after the action has returned. By then, the new rewriter may
    lead to a native path."""
    entered, release = asyncio.Event(), asyncio.Event()

    class Slow:
        @http("GET", "/slow", "slow")
        async def slow(self) -> Response:
            entered.set()
            await release.wait()
            return StreamResponse(_one("late"))

    application = await serve(Slow, bundles=[Rules])
    server = application.injector.get(HttpServer)
    sending = asyncio.create_task(session.get(http_url(application, "/slow")))
    await entered.wait()
    server.rewrite(lambda head: Rewrite("/native"))
    release.set()

    async with await sending as response:
        assert await response.text() == "late"


async def test_kernel_client_request_is_rewritten() -> None:
    application = Application(
        controllers=[Pages], bundles=[Rules], settings=Settings(http=HttpSettings(prefix="/site"))
    )
    async with KernelClient(application) as client:
        rules = application.injector.get(Rules)
        await application.reload(add=rules.hidden)
        rules.rewrite = below_prefix(rules)  # type: ignore[method-assign]
        application.injector.get(HttpServer).rewrite(rules.rewrite)

        found = await client.http("GET /site/old/new", params={"a": 1})
        assert found.content == [
            "/site/new?a=1",
            "/new",
            {"a": "1"},
            "/site/old/new?a=1",
            None,
        ]
        assert (await client.http("POST /site/old/new/7", body=[1])).content == [7, [1]]
        assert (await client.http("GET /site/old/nothing")).status_code == 404
        assert (await client.http("PUT /site/old/new")).status_code == 405
        assert (await client.http("GET /site/loop")).status_code == 508
        assert (await client.http("GET /site/hide/7")).content == [
            "/site/hide/7",
            "/hidden(.*)",
            7,
        ]
        assert (await client.http("new")).content[0] == "/site/new"
        assert (await client.http("GET /site/old/../out")).status_code == 404
        with pytest.raises(KeyError, match="GET /site/unknown"):
            await client.http("GET /site/unknown")
        with pytest.raises(KeyError, match="no definition 'unknown'"):
            await client.http("unknown")


def below_prefix(rules: Rules) -> Any:
    def rewrite(head: RequestHead) -> Rewrite | None:
        path = head.raw_path.removeprefix("/site")
        if path == "/old/../out":
            return Rewrite("/out")
        definitions = rules.kernel.http_definitions
        if path == "/hide/7":
            return Rewrite(head.raw_path, (definitions["hidden"], {"id": 7}))
        if path == "/loop":
            return Rewrite(head.raw_path, LoopDetectedException())
        return Rewrite("/site" + path.removeprefix("/old")) if path.startswith("/old") else None

    return rewrite


async def test_mounted_application_with_rewriter_is_an_error() -> None:
    host = Host(web.Application())
    application = mount(host, settings=Settings(http=HttpSettings(prefix="/api")))
    await application.boot()
    server = application.injector.get(HttpServer)

    server.rewrite(None)
    with pytest.raises(ConfigurationError, match="cannot be rewritten, because"):
        server.rewrite(lambda head: None)
    await application.stop()
