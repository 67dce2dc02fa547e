"""Paths that bundles mount for native handlers."""

import asyncio
import logging
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from injector import inject

from rxkernel import (
    Application,
    ApplicationEvents,
    BootstrapEvent,
    Bundle,
    ConfigurationError,
    HttpMetadata,
    HttpServer,
    HttpSettings,
    Request,
    RxKernelError,
    Server,
    ServerConfigurationEvent,
    ServerEvents,
    Settings,
    Transport,
    http,
    observe,
)
from rxkernel.kernel.kernel import Kernel
from tests.servers.conftest import Serve, http_url


async def respond(native: web.Request) -> web.Response:
    rest = native.match_info.get("rest", "")
    return web.Response(text=f"{native.method} {native.path} {rest}".strip())


async def other(native: web.Request) -> web.Response:
    return web.Response(text="other")


class Home:
    @http("GET", "/home", "home")
    async def home(self, request: Request) -> str:
        return type(request.native).__name__


def mounting(*paths: str, **options: Any) -> type[Bundle]:
    """A bundle that mounts *paths* in its constructor."""

    class Mounting(Bundle):
        name = "mounting"

        @inject
        def __init__(self, http: HttpServer) -> None:
            for path in paths:
                http.mount(path, respond, **options)

    return Mounting


async def text(session: aiohttp.ClientSession, application: Application, path: str) -> str:
    async with session.get(http_url(application, path)) as response:
        return f"{response.status} {await response.text()}"


async def test_mount_exact_path_takes_all_methods_with_and_without_slash(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    application = await serve(Home, bundles=[mounting("/metrics")])

    assert await text(session, application, "/metrics") == "200 GET /metrics"
    assert await text(session, application, "/metrics/") == "200 GET /metrics/"
    assert await text(session, application, "/%6Detrics") == "200 GET /metrics"
    assert (await text(session, application, "/metrics/more")).startswith("404")
    async with session.post(http_url(application, "/metrics"), data="x") as response:
        assert await response.text() == "POST /metrics"


async def test_mount_subtree_takes_all_paths_below(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    application = await serve(Home, bundles=[mounting("/files/{rest:path}")])

    assert await text(session, application, "/files/a/b.txt") == "200 GET /files/a/b.txt a/b.txt"
    assert (await text(session, application, "/files")).startswith("404")
    assert (await text(session, application, "/filesystem")).startswith("404")


@pytest.mark.parametrize("path", ["/straße", "/a b", "/a%b"])
async def test_mount_path_is_compared_decoded(
    serve: Serve, session: aiohttp.ClientSession, path: str
) -> None:
    application = await serve(Home, bundles=[mounting(path)])

    assert (await text(session, application, path.replace("%", "%25"))) == f"200 GET {path}"


async def test_mount_leaves_other_paths_on_the_fast_path(
    serve: Serve, session: aiohttp.ClientSession, http_path: str
) -> None:
    application = await serve(Home, bundles=[mounting("/metrics", "/files/{rest:path}")])

    for path in ("/home", "/files/a", "/home", "/metrics", "/home"):
        body = await text(session, application, path)
        if path == "/home":
            assert ("FastPathNative" in body) == (http_path == "fast")


async def test_native_routes_of_the_engine_leave_other_paths_on_the_fast_path(
    serve: Serve, session: aiohttp.ClientSession, http_path: str
) -> None:
    class Native:
        @observe(ServerEvents.CONFIGURE)
        async def add(self, event: ServerConfigurationEvent) -> None:
            if event.server.name == "http":
                event.server.engine.router.add_get("/native", respond)
                event.server.engine.router.add_get(r"/items/{rest:\d+}/x", respond)

    application = await serve(Home, listeners=[Native])

    assert await text(session, application, "/native") == "200 GET /native"
    assert await text(session, application, "/items/1/x") == "200 GET /items/1/x 1"
    assert (await text(session, application, "/items/a/x")).startswith("404")
    body = await text(session, application, "/home")
    assert ("FastPathNative" in body) == (http_path == "fast")


@pytest.mark.parametrize("part", ["middleware", "signal"])
async def test_engine_with_middleware_or_signal_logs_that_the_fast_path_is_off(
    serve: Serve, http_path: str, part: str, caplog: pytest.LogCaptureFixture
) -> None:
    @web.middleware
    async def middleware(native: web.Request, handler: Any) -> web.StreamResponse:
        response: web.StreamResponse = await handler(native)
        return response

    async def signal(native: web.Request, response: web.StreamResponse) -> None:
        return None

    class Native:
        @observe(ServerEvents.CONFIGURE)
        async def add(self, event: ServerConfigurationEvent) -> None:
            if event.server.name == "http" and part == "middleware":
                event.server.engine.middlewares.append(middleware)
            elif event.server.name == "http":
                event.server.engine.on_response_prepare.append(signal)

    caplog.set_level(logging.INFO, logger="rxkernel")
    await serve(Home, listeners=[Native])

    lines = [record.message for record in caplog.records if "fast path" in record.message]
    assert len(lines) == (http_path == "fast")


@pytest.mark.parametrize("place", ["bootstrap", "configure", "server"])
async def test_mount_is_possible_until_the_servers_start(
    serve: Serve, session: aiohttp.ClientSession, place: str
) -> None:
    class Silent(Server):
        name = "silent"
        transport = Transport("SILENT")

        @inject
        def __init__(self, http: HttpServer) -> None:
            self.http = http

        def configure(self, kernel: Kernel) -> None:
            if place == "server":
                self.http.mount("/late", respond)

        async def start(self) -> None: ...
        async def drain(self) -> None: ...
        async def stop(self) -> None: ...

    class Late(Bundle):
        name = "late"
        servers = (Silent,)

        @inject
        def __init__(self, http: HttpServer) -> None:
            self.http = http

        @observe(ApplicationEvents.BOOTSTRAP)
        async def boot(self, event: BootstrapEvent) -> None:
            if place == "bootstrap":
                self.http.mount("/late", respond)

        @observe(ServerEvents.CONFIGURE)
        async def configured(self, event: ServerConfigurationEvent) -> None:
            if place == "configure" and event.server is self.http:
                self.http.mount("/late", respond)

    application = await serve(Home, bundles=[Late])

    assert await text(session, application, "/late") == "200 GET /late"
    server = application.servers["http"]
    assert isinstance(server, HttpServer)
    with pytest.raises(RxKernelError, match="'/too-late' is mounted after the HTTP server has"):
        server.mount("/too-late", respond)


async def test_mount_same_path_twice_is_a_configuration_error() -> None:
    class Twice(Bundle):
        name = "twice"

        @inject
        def __init__(self, http: HttpServer) -> None:
            http.mount("/a/{rest:path}", respond)
            http.mount("/a", respond)
            http.mount("/a/{other:path}", other)

    with pytest.raises(ConfigurationError, match=r"'/a/{other:path}' is mounted twice.*respond.*"):
        await Application(bundles=[Twice]).boot()


@pytest.mark.parametrize("path", ["/a/{id}", "/{id:int}/b", "a", "/a/{rest:path}/b"])
async def test_mount_other_parameters_are_a_configuration_error(path: str) -> None:
    with pytest.raises(ConfigurationError):
        await Application(bundles=[mounting(path)]).boot()


@pytest.mark.parametrize(
    ("path", "route", "prefix", "is_hidden"),
    [
        ("/home", "/home", "", True),
        ("/api/home", "/home", "/api", True),
        ("/home", "/home", "/api", False),
        ("/home/{rest:path}", "/home", "", False),
        ("/home/{rest:path}", "/home/{id}", "", True),
        ("/home/me", "/home/{id}", "", False),
        ("/home/me", "/{rest:path}", "", False),
    ],
)
async def test_mount_that_hides_a_route_is_a_configuration_error(
    path: str, route: str, prefix: str, is_hidden: bool
) -> None:
    class Routes:
        async def home(self, request: Request) -> str:
            return "home"

    settings = Settings(http=HttpSettings(prefix=prefix, port=0))
    application = Application(bundles=[mounting(path)], controllers=[Routes], settings=settings)
    application.http_metadata_storage.add(HttpMetadata(Routes, "home", route, "GET", "home"))
    if not is_hidden:
        async with application:
            return
    with pytest.raises(ConfigurationError, match=r"route 'home' .* cannot be reached.*respond"):
        await application.boot()


async def test_reload_with_a_route_of_a_mounted_path_changes_nothing() -> None:
    class Added:
        @http("GET", "/metrics", "added")
        async def added(self) -> str:
            return "added"

    async with Application(bundles=[mounting("/metrics")], controllers=[Home]) as application:
        with pytest.raises(ConfigurationError, match=r"'added' .* cannot be reached"):
            await application.reload(controllers=[Added])
        assert "added" not in application.kernel.http_definitions


async def test_mount_of_a_native_route_s_path_is_a_configuration_error() -> None:
    settings = Settings(http=HttpSettings(port=0))
    application = Application(bundles=[mounting("/socket.io")], settings=settings)

    with pytest.raises(ConfigurationError, match="native route"):
        await application.start()


@pytest.mark.parametrize("long_lived", [True, False])
async def test_drain_waits_for_mounted_requests_unless_they_are_long_lived(
    serve: Serve, session: aiohttp.ClientSession, long_lived: bool
) -> None:
    entered, may_go = asyncio.Event(), asyncio.Event()

    async def wait(native: web.Request) -> web.Response:
        entered.set()
        await may_go.wait()
        return web.Response(text="went")

    class Waiting(Bundle):
        name = "waiting"

        @inject
        def __init__(self, http: HttpServer) -> None:
            http.mount("/wait/{rest:path}", wait, long_lived)

    application = await serve(Home, bundles=[Waiting])
    server: Any = application.servers["http"]
    request = asyncio.ensure_future(text(session, application, "/wait/a"))
    await entered.wait()
    assert bool(server.in_flight) == (not long_lived)

    if long_lived:
        assert await application.stop()
        request.cancel()
        return
    stopping = asyncio.ensure_future(application.stop())
    may_go.set()
    assert await request == "200 went"
    assert await stopping


async def test_mounted_paths_have_the_rules_of_the_server(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    policies = {
        "security_headers": True,
        "origins": ("https://shop.example",),
        "allowed_hosts": ("127.0.0.1",),
    }
    application = await serve(
        Home, http=policies, request_id_header="X-Request-ID", bundles=[mounting("/metrics")]
    )
    url = http_url(application, "/metrics")

    async with session.get(url, headers={"Origin": "https://shop.example"}) as response:
        assert response.headers["Access-Control-Allow-Origin"] == "https://shop.example"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["X-Request-ID"]
    async with session.get(url, headers={"Host": "evil.example"}) as response:
        assert response.status == 421
