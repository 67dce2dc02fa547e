"""Paths at which a callable of a bundle responds to POST."""

import asyncio
import gzip
import logging
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from injector import inject

from rxkernel import (
    Application,
    BadRequestException,
    Bundle,
    ConfigurationError,
    HttpServer,
    HttpSettings,
    Kernel,
    KernelClient,
    KernelEvents,
    NotFoundException,
    ProcedureMetadata,
    Request,
    RequestEvent,
    Response,
    RxKernelError,
    Settings,
    TerminateEvent,
    Transport,
    WebSocket,
    controller,
    http,
    observe,
    procedure,
)
from tests.servers.conftest import Serve, http_url
from tests.servers.mounted.hosts import Host
from tests.servers.raw_http import raw_http
from tests.waiting import until

CALLS = Transport("CALLS")


class Gates:
    def __init__(self) -> None:
        self.entered = asyncio.Event()
        self.release = asyncio.Event()
        self.disconnected = asyncio.Event()

    @procedure("slow", CALLS)
    async def slow(self, request: Request) -> dict[str, bool]:
        request.when_disconnected(self.disconnected.set)
        self.entered.set()
        await self.release.wait()
        return {"done": True}


class Greetings:
    @procedure("hello", CALLS)
    async def hello(self, request: Request) -> dict[str, Any]:
        return {"to": request.body, "by": request.cookies.get("name", "")}

    @procedure("cookie", CALLS)
    async def cookie(self, request: Request) -> Response:
        response = Response({"is": "set"})
        response.set_cookie("name", "Ada")
        return response

    @procedure("bag", CALLS)
    async def bag(self, request: Request) -> Any:
        return object()


class Calls(Bundle):
    """The body is the name of a procedure, a space and the argument."""

    name = "calls"
    transports = (CALLS,)
    path = "/rpc"

    @inject
    def __init__(self, http: HttpServer, kernel: Kernel) -> None:
        self._kernel = kernel
        http.handle(self.path, self.respond)

    async def respond(self, request: Request, body: bytes) -> Response:
        name, _, argument = body.decode().partition(" ")
        if name == "fail":
            raise BadRequestException("fail")
        if name == "break":
            raise RuntimeError("broken")
        definition = self._kernel.definitions[CALLS].get(name)
        if definition is None:
            return await self._kernel.fail(request, NotFoundException(f"no {name!r}"))
        request.body = argument
        return await self._kernel.answer(definition, request)


class Coded(Calls):
    """A post handler with its own format of errors."""

    @inject
    def __init__(self, http: HttpServer, kernel: Kernel) -> None:
        self._kernel = kernel
        http.handle("/rpc", self.respond, fail=self.fail)

    async def fail(self, request: Request, exception: Exception) -> Response:
        response = await self._kernel.fail(request, exception)
        if request.raw_body == b"break":
            raise exception
        return Response({"failed": response.status_code}, response.status_code)


class Home:
    @http("GET", "/home", "home")
    async def home(self, request: Request) -> str:
        return type(request.native).__name__


async def post(
    session: aiohttp.ClientSession, application: Application, data: Any, **options: Any
) -> tuple[int, Any]:
    url = http_url(application, options.pop("path", "/rpc"))
    async with session.post(url, data=data, **options) as response:
        return response.status, await response.json()


async def test_post_handler_responds_with_procedure_named_in_body(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    application = await serve(Greetings, bundles=[Calls])

    for path in ("/rpc", "/rpc/", "/rpc?a=1", "/%72pc"):
        assert await post(session, application, b"hello Bob", path=path) == (
            200,
            {"to": "Bob", "by": ""},
        )
    status, content = await post(session, application, b"unknown")
    assert (status, content["message"]) == (404, "no 'unknown'")


async def test_post_handler_call_is_one_http_message_for_listeners(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    seen: list[tuple[str, str | None, str | None]] = []
    ended: list[tuple[int, int | None]] = []

    class Count:
        @observe(KernelEvents.KERNEL_REQUEST)
        async def count(self, event: RequestEvent) -> None:
            request = event.request
            seen.append((request.transport, request.route_name, request.path))

        @observe(KernelEvents.KERNEL_TERMINATE)
        async def end(self, event: TerminateEvent) -> None:
            ended.append((event.response.status_code, event.size))

    application = await serve(Greetings, bundles=[Calls], listeners=[Count])

    await post(session, application, b"hello Bob")
    await until(lambda: bool(ended))
    assert seen == [("HTTP", "hello", "/rpc")]
    assert ended == [(200, len(b'{"to":"Bob","by":""}'))]


async def test_post_handler_stays_on_the_fast_path(
    serve: Serve, session: aiohttp.ClientSession, http_path: str
) -> None:
    application = await serve(Greetings, bundles=[Calls])
    for _ in range(3):
        await post(session, application, b"hello Bob")

    counts = application.servers["http"].counts
    assert "fast path: native path" not in counts
    assert "fast path: error" not in counts


async def test_cookies_of_post_handler_are_set_and_sent(serve: Serve) -> None:
    application = await serve(Greetings, bundles=[Calls])

    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar) as session:
        assert await post(session, application, b"cookie") == (200, {"is": "set"})
        assert (await post(session, application, b"hello"))[1]["by"] == "Ada"


@pytest.mark.parametrize("method", ["HEAD", "GET", "PUT", "DELETE"])
async def test_post_handler_other_method_is_405_with_allow(
    serve: Serve, session: aiohttp.ClientSession, method: str
) -> None:
    application = await serve(Home, bundles=[Calls])

    async with session.request(method, http_url(application, "/rpc")) as response:
        assert response.status == 405
        assert response.headers["Allow"] == "OPTIONS, POST"


async def test_post_handler_options_is_204_with_allow(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    application = await serve(bundles=[Calls])

    async with session.options(http_url(application, "/rpc")) as response:
        assert (response.status, response.headers["Allow"]) == (204, "OPTIONS, POST")


async def test_post_handler_responds_to_preflight_and_to_pages_of_origins(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    application = await serve(
        Greetings, bundles=[Calls], http={"origins": ("https://shop.example",)}
    )
    url = http_url(application, "/rpc")
    preflight = {"Access-Control-Request-Method": "POST"}

    for origin, status in ("https://shop.example", 204), ("https://evil.example", 403):
        async with session.options(url, headers={**preflight, "Origin": origin}) as response:
            assert response.status == status
    async with session.options(
        url, headers={**preflight, "Origin": "https://shop.example"}
    ) as response:
        assert response.headers["Access-Control-Allow-Origin"] == "https://shop.example"
        assert response.headers["Access-Control-Allow-Methods"] == "OPTIONS, POST"
    headers = {"Origin": "https://shop.example"}
    async with session.post(url, data=b"hello", headers=headers) as response:
        assert response.headers["Access-Control-Allow-Origin"] == "https://shop.example"


async def test_post_handler_shares_its_path_with_routes_and_a_websocket(
    serve: Serve, session: aiohttp.ClientSession, http_path: str
) -> None:
    async def echo(websocket: WebSocket) -> None:
        await websocket.accept()
        async for message in websocket:
            await websocket.send(message)

    class Shared(Calls):
        @inject
        def __init__(self, http: HttpServer, kernel: Kernel) -> None:
            super().__init__(http, kernel)
            http.websocket("/rpc", echo, shared=True)

    class Page:
        @http("GET", "/rpc", "page")
        async def page(self, request: Request) -> str:
            return type(request.native).__name__

    application = await serve(Page, Greetings, bundles=[Shared])
    url = http_url(application, "/rpc")

    async with session.ws_connect(url) as websocket:
        await websocket.send_str("tea")
        assert await websocket.receive_str() == "tea"
    async with session.get(url) as response:
        assert ("FastPathNative" in await response.text()) == (http_path == "fast")
    for path in ("/rpc", "/rpc?x=1", "/%72pc"):
        assert (await post(session, application, b"hello Bob", path=path))[0] == 200
        async with session.get(http_url(application, path)) as response:
            assert response.status == 200
    async with session.put(url) as response:
        assert response.status == 405
        assert response.headers["Allow"] == "GET, HEAD, OPTIONS, POST"
    async with session.options(url) as response:
        assert response.headers["Allow"] == "GET, HEAD, OPTIONS, POST"


async def test_post_handler_wins_over_a_less_specific_route(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    class Rest:
        @http("POST", "/{rest:path}", "rest")
        async def rest(self, rest: str) -> list[str]:
            return [rest]

    application = await serve(Rest, Greetings, bundles=[Calls])

    assert (await post(session, application, b"hello Bob"))[1] == {"to": "Bob", "by": ""}
    assert (await post(session, application, b"", path="/other"))[1] == ["other"]


async def test_post_handler_path_has_no_http_prefix(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    application = await serve(Home, Greetings, bundles=[Calls], http={"prefix": "/v1"})

    assert (await post(session, application, b"hello Bob"))[0] == 200
    async with session.post(http_url(application, "/v1/rpc")) as response:
        assert response.status == 404
    async with session.get(http_url(application, "/rpc")) as response:
        assert response.status == 405


async def test_post_handler_body_is_decompressed_and_limited(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    application = await serve(Greetings, bundles=[Calls], http={"body_limit": 100})
    coded = {"Content-Encoding": "gzip"}

    packed = gzip.compress(b"hello Bob")
    assert (await post(session, application, packed, headers=coded))[1]["to"] == "Bob"
    assert (await post(session, application, b"x" * 101))[0] == 413
    bomb = gzip.compress(b"x" * 10_000)
    assert len(bomb) < 100
    assert (await post(session, application, bomb, headers=coded))[0] == 413
    assert (await post(session, application, b"hello", headers={"Content-Encoding": "x"}))[
        0
    ] == 415
    assert application.servers["http"].counts["http.body_limit"] == 2


async def test_post_handler_fail_responds_to_rejected_bodies_and_exceptions(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    application = await serve(Greetings, bundles=[Coded], http={"body_limit": 100})

    assert await post(session, application, b"x" * 101) == (413, {"failed": 413})
    for coding, status in ("x", 415), ("gzip", 400):
        headers = {"Content-Encoding": coding}
        found = await post(session, application, b"hello", headers=headers)
        assert found == (status, {"failed": status})
    assert await post(session, application, b"fail") == (400, {"failed": 400})
    assert (await post(session, application, b"hello Bob"))[0] == 200
    status, content = await post(session, application, b"break")
    assert (status, content["statusCode"]) == (500, 500)


async def test_post_handler_body_is_not_decoded(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    application = await serve(Greetings, bundles=[Calls])

    for kind in ("application/json", "multipart/form-data", "nonsense"):
        headers = {"Content-Type": kind}
        assert (await post(session, application, b"hello {", headers=headers))[1]["to"] == "{"
    assert (await post(session, application, b""))[0] == 404


@pytest.mark.parametrize("pieces", [[b"hel", b"lo Bob"], [b"hello Bob"]])
async def test_post_handler_body_in_segments_and_after_continue(
    serve: Serve, pieces: list[bytes]
) -> None:
    application = await serve(Greetings, bundles=[Calls])
    head = b"POST /rpc HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n"

    async with raw_http(application) as client:
        await client.send(head + b"\r\n", *pieces)
        assert (await client.answer()).json["to"] == "Bob"
        await client.send(head + b"Expect: 100-continue\r\n\r\n")
        assert (await client.answer()).status == 100
        await client.send(*pieces)
        assert (await client.answer()).json["to"] == "Bob"


async def test_post_handler_that_raises_is_an_error_response(
    serve: Serve, session: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    application = await serve(Greetings, bundles=[Calls])

    status, content = await post(session, application, b"fail")
    assert (status, content["message"]) == (400, "fail")
    assert not caplog.records
    assert (await post(session, application, b"break"))[0] == 500
    assert [record.message for record in caplog.records] == ["HTTP /rpc failed"]
    assert (await post(session, application, b"bag"))[0] == 500


async def test_post_handler_has_access_log_and_request_id(
    serve: Serve, session: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    application = await serve(
        Greetings, bundles=[Calls], access=True, request_id_header="X-Request-ID"
    )

    async with session.post(
        http_url(application, "/rpc"), data=b"hello", headers={"X-Request-ID": "abc"}
    ) as response:
        assert response.headers["X-Request-ID"] == "abc"
    await until(lambda: any("POST /rpc" in r.message for r in caplog.records))
    line = next(r for r in caplog.records if "POST /rpc" in r.message)
    assert line.route == "hello"  # type: ignore[attr-defined]
    assert "200" in line.message


async def test_draining_waits_for_post_handler(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    application = await serve(Gates, bundles=[Calls])
    gates = application.injector.get(Gates)
    pending = asyncio.create_task(post(session, application, b"slow"))
    await gates.entered.wait()

    stopping = asyncio.create_task(application.stop())
    await asyncio.sleep(0)
    gates.release.set()

    assert await pending == (200, {"done": True})
    await stopping


async def test_post_handler_procedure_notices_disconnect(serve: Serve) -> None:
    application = await serve(Gates, bundles=[Calls])
    gates = application.injector.get(Gates)

    async with raw_http(application) as client:
        await client.send(b"POST /rpc HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nslow")
        await gates.entered.wait()
    async with asyncio.timeout(20):
        await gates.disconnected.wait()
    gates.release.set()


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/{name}", "must not have parameters"),
        ("/{rest:path}", "must not have parameters"),
        ("rpc", "does not start with"),
        ("/taken", "is mounted twice"),
    ],
)
async def test_post_handler_path_invalid_is_an_error(path: str, message: str) -> None:
    async def native(request: web.Request) -> web.Response:
        return web.Response()

    class Taken(Calls):
        @inject
        def __init__(self, http: HttpServer, kernel: Kernel) -> None:
            http.mount("/taken", native)
            http.handle(path, self.respond)

    with pytest.raises(ConfigurationError, match=message):
        await Application(bundles=[Taken]).boot()


async def test_post_handler_that_hides_a_route_is_an_error() -> None:
    @controller("/v1")
    class Hidden:
        @http("POST", "/rpc", "hidden")
        async def hidden(self) -> None: ...

        @http("PUT", "/rpc", "seen")
        async def seen(self) -> None: ...

    class Below(Calls):
        path = "/v1/rpc"

    application = Application(
        controllers=[Hidden], bundles=[Below], settings=Settings(http=HttpSettings(port=0))
    )
    with pytest.raises(ConfigurationError, match=r"'hidden' .* cannot be reached: '/v1/rpc'") as e:
        await application.start()
    assert "'seen'" not in str(e.value)


async def test_post_handler_added_after_start_is_an_error(serve: Serve) -> None:
    application = await serve(Home)
    server = application.servers["http"]
    assert isinstance(server, HttpServer)

    async def respond(request: Request, body: bytes) -> Response:
        return Response()

    with pytest.raises(RxKernelError, match="after the HTTP server has started"):
        server.handle("/late", respond)


async def test_post_handler_after_reload_uses_the_new_definitions(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    async def late(request: Request) -> list[str]:
        return ["late"]

    application = await serve(Greetings, bundles=[Calls])
    await application.reload(add=[ProcedureMetadata(None, "late", late, CALLS)])

    assert await post(session, application, b"late") == (200, ["late"])


@pytest.fixture
async def host() -> Any:
    host = Host(web.Application())
    yield host
    await host.stop()


async def test_mounted_application_has_post_handlers_below_prefix(
    host: Host, session: aiohttp.ClientSession
) -> None:
    class Below(Calls):
        path = "/v1/rpc"

    application = Application(
        controllers=[Greetings],
        bundles=[Below],
        settings=Settings(http=HttpSettings(prefix="/v1")),
    )
    application.mount_in(host.native)
    url = await host.start()

    async with session.post(f"{url}/v1/rpc", data=b"hello Bob") as response:
        assert await response.json() == {"to": "Bob", "by": ""}
    async with session.get(f"{url}/v1/rpc") as response:
        assert (response.status, response.headers["Allow"]) == (405, "OPTIONS, POST")


async def test_mounted_application_post_handler_outside_prefix_is_an_error(host: Host) -> None:
    application = Application(bundles=[Calls], settings=Settings(http=HttpSettings(prefix="/v1")))
    application.mount_in(host.native)

    with pytest.raises(ConfigurationError, match="serves only paths below"):
        await host.start()


class TestKernelClient:
    async def test_post_calls_handler_with_body_and_cookies(self) -> None:
        async with KernelClient(Application(controllers=[Greetings], bundles=[Calls])) as client:
            assert (await client.post("/rpc", body=b"hello Bob")).content["to"] == "Bob"
            await client.post("/rpc", body=b"cookie")
            response = await client.post("/rpc/", body=b"hello")
            assert response.content == {"to": "", "by": "Ada"}
            assert (await client.post("/rpc", body=b"fail")).status_code == 400
            assert (await client.post("/rpc", body=b"bag")).status_code == 500
            with pytest.raises(KeyError, match="no POST handler for '/other'"):
                await client.post("/other")

    async def test_post_limits_body(self) -> None:
        settings = Settings(http=HttpSettings(body_limit=10))
        application = Application(controllers=[Greetings], bundles=[Calls], settings=settings)
        async with KernelClient(application) as client:
            assert (await client.post("/rpc", body=b"hello Robert")).status_code == 413
