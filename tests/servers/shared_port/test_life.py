"""Applications that share a port start together, but each can stop or fail alone."""

import asyncio
from typing import Any

import aiohttp
import pytest
import socketio
from injector import inject

from rxkernel import (
    Application,
    ApplicationEvents,
    ConfigurationError,
    HttpSettings,
    RxKernelError,
    ServerEvents,
    ServerStartError,
    Settings,
    SharedPort,
    SocketioSettings,
    http,
)
from rxkernel.servers.aiohttp.server import HttpServer
from tests.servers.shared_port.sites import Sites, request, sites_on
from tests.waiting import until

PATHS = pytest.mark.parametrize("fast_path", [True, False], ids=["fast path", "aiohttp"])
NAMES = ("shop", "blog")
END = b"\r\n0\r\n\r\n"
"""The end of a chunked body."""


def two_sites(fast_path: bool = True, **http: Any) -> Sites:
    sites = sites_on(fast_path=fast_path, **http)
    for name in NAMES:
        sites.add(name, f"{name}.example")
    return sites


@PATHS
async def test_stopped_application_responds_503_while_others_serve(fast_path: bool) -> None:
    sites = two_sites(fast_path)

    async with sites.port, sites.connect() as client:
        assert (await client.get("shop.example")).body == b"shop"
        await sites.applications["shop"].stop()

        stopped = await client.get("shop.example")
        assert (stopped.status, stopped.headers["retry-after"]) == (503, "5")
        assert stopped.json["message"] == "the application of this host is not running"
        assert (await client.get("blog.example")).body == b"blog"

        await sites.applications["shop"].start()
        assert (await client.get("shop.example")).body == b"shop"
        assert (await client.get("blog.example")).body == b"blog"


@PATHS
@pytest.mark.parametrize("path", ["/slow", "/events"])
async def test_request_in_flight_ends_while_its_application_stops(
    fast_path: bool, path: str
) -> None:
    sites = two_sites(fast_path)

    async with sites.port, sites.connect() as client, sites.connect() as other:
        await client.send(request("shop.example", path))
        if path == "/slow":
            await sites.pages("shop").entered.wait()
        else:
            await client.reader.readuntil(b"data: shop")
        stopping = asyncio.create_task(sites.applications["shop"].stop())
        await until_503(sites)
        assert (await other.get("blog.example")).body == b"blog"
        sites.pages("shop").release.set()

        assert await stopping
        if path == "/slow":
            assert (await client.answer()).body == b"shop"
        else:
            await client.reader.readuntil(END)
            assert (await client.get("blog.example")).body == b"blog"


@PATHS
@pytest.mark.parametrize("path", ["/slow", "/late"])
async def test_pipelined_request_after_one_for_stopping_application_gets_its_response(
    fast_path: bool, path: str
) -> None:
    """Pipelined on one connection; the application that stops must not close it."""
    sites = two_sites(fast_path)
    shop = sites.applications["shop"]

    class Late:
        @http("GET", "/late", "late")
        async def late(self) -> Any:
            await sites.pages("shop").slow()
            return await sites.pages("shop").stream()

    shop.controllers += (Late,)
    async with sites.port, sites.connect() as client:
        await client.send(request("shop.example", path) + request("blog.example") * 2)
        await sites.pages("shop").entered.wait()
        stopping = asyncio.create_task(shop.stop())
        await until_503(sites)
        sites.pages("shop").release.set()

        if path == "/late":
            await client.reader.readuntil(END)
        else:
            assert (await client.answer()).headers.get("connection") is None
        assert [(await client.answer()).body for _ in range(2)] == [b"blog", b"blog"]
        assert await stopping
        assert (await client.get("blog.example")).body == b"blog"


async def until_503(sites: Sites) -> None:
    async with asyncio.timeout(20):
        while (await sites.get("shop.example")).status != 503:  # noqa: ASYNC110 - of a server
            await asyncio.sleep(0.01)


@PATHS
@pytest.mark.parametrize("path", ["/slow", "/long", "/events"])
async def test_request_that_does_not_end_is_closed_with_its_application(
    fast_path: bool, path: str
) -> None:
    sites = sites_on(fast_path=fast_path)
    none = SocketioSettings(enabled=False)
    sites.add("shop", "shop.example", settings=Settings(shutdown_timeout=0.1, socketio=none))
    sites.add("blog", "blog.example")
    entered = asyncio.Event()

    async def wait(native: aiohttp.web.Request) -> aiohttp.web.Response:
        entered.set()
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    shop = sites.applications["shop"]

    async def mount(event: object) -> None:
        http = shop.servers["http"]
        assert isinstance(http, HttpServer)
        http.mount("/long", wait, long_lived=True)

    shop.dispatcher.add_listener("server.configure", mount)

    async with sites.port, sites.connect() as client:
        await client.send(request("shop.example", path))
        if path == "/slow":
            await sites.pages("shop").entered.wait()
        elif path == "/long":
            await entered.wait()
        else:
            await client.reader.readuntil(b"data: shop")
        async with asyncio.timeout(15):
            await shop.stop()
        if path == "/events":
            await client.reader.readuntil(END)
        else:
            await client.closed()
        assert (await sites.get("blog.example")).body == b"blog"


@PATHS
async def test_stream_of_fast_path_ends_while_its_application_stops(fast_path: bool) -> None:
    """aiohttp sends the stream, and the application of its host is stopped by then."""
    sites = two_sites(fast_path)

    async with sites.port, sites.connect() as client:
        await client.send(request("shop.example", "/held"))
        await sites.pages("shop").entered.wait()
        stopping = asyncio.create_task(sites.applications["shop"].stop())
        await until_503(sites)
        sites.pages("shop").release.set()

        assert await stopping
        assert b" released" in await client.reader.readuntil(END)
        assert (await client.get("blog.example")).body == b"blog"


@PATHS
async def test_stream_returned_while_its_application_stops_is_sent(
    fast_path: bool,
) -> None:
    sites = two_sites(fast_path)

    class Late:
        @http("GET", "/late", "late")
        async def late(self) -> Any:
            await sites.pages("shop").slow()
            return await sites.pages("shop").stream()

    sites.applications["shop"].controllers += (Late,)
    async with sites.port, sites.connect() as client:
        await client.send(request("shop.example", "/late"))
        await sites.pages("shop").entered.wait()
        stopping = asyncio.create_task(sites.applications["shop"].stop())
        await until_503(sites)
        sites.pages("shop").release.set()

        assert await stopping
        assert (await client.reader.readuntil(END)).startswith(b"HTTP/1.1 200 OK")
        assert (await client.get("blog.example")).body == b"blog"


@PATHS
async def test_idle_connection_is_closed_with_the_port(fast_path: bool) -> None:
    sites = two_sites(fast_path)

    await sites.port.start()
    async with sites.connect() as client:
        assert (await client.get("shop.example")).body == b"shop"
        await sites.port.stop()
        assert await client.closed() == b""


async def test_port_that_stops_ends_requests_of_all_applications() -> None:
    sites = two_sites()
    await sites.port.start()
    url = sites.port.url
    async with sites.connect() as first, sites.connect() as second:
        for client, name in ((first, "shop"), (second, "blog")):
            await client.send(request(f"{name}.example", "/slow"))
            await sites.pages(name).entered.wait()
        servers = sites.applications["blog"].servers
        stopping = asyncio.create_task(sites.port.stop())
        await until(lambda: not servers.is_serving)
        sites.pages("shop").release.set()
        sites.pages("blog").release.set()

        assert (await first.answer()).body == b"shop"
        assert (await second.answer()).body == b"blog"
        assert await stopping
        assert await first.closed() == b""

    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.get(url)


async def test_port_starts_again_after_stop() -> None:
    sites = two_sites()

    for _ in range(2):
        async with sites.port:
            await sites.port.start()  # a second stop does nothing
            assert (await sites.get("blog.example")).body == b"blog"
    assert await sites.port.stop()


async def test_exception_of_one_application_does_not_reach_others() -> None:
    sites = two_sites()

    async with sites.port, sites.connect() as client:
        assert (await client.get("shop.example", "/broken")).status == 500
        assert (await client.get("blog.example")).body == b"blog"
        assert (await client.get("shop.example")).body == b"shop"


class Added:
    @http("GET", "/added", "added")
    async def added(self) -> str:
        return "added"


async def test_reload_of_one_application_changes_only_its_routes() -> None:
    sites = two_sites()

    async with sites.port, sites.connect() as client:
        assert (await client.get("shop.example", "/added")).status == 404
        await sites.applications["shop"].reload(controllers=[Added])

        assert (await client.get("shop.example", "/added")).body == b"added"
        assert (await client.get("blog.example", "/added")).status == 404


@PATHS
async def test_reload_of_one_application_fails_no_call_of_any(fast_path: bool) -> None:
    """Over HTTP and Socket.IO, while one application is reloaded ten times."""
    sites = sites_on(fast_path=fast_path)
    for name in NAMES:
        sites.add(name, f"{name}.example", settings=Settings())
    done = asyncio.Event()

    async def call(name: str) -> int:
        host, times = {"Host": f"{name}.example"}, 0
        async with (
            aiohttp.ClientSession(sites.port.url) as session,
            socketio.AsyncSimpleClient() as client,
        ):
            await client.connect(sites.port.url, headers=host, transports=["websocket"])
            while times < 10 or not done.is_set():
                async with session.get("/name", headers=host) as response:
                    assert (response.status, await response.text()) == (200, name)
                assert (await client.call("name"))["content"] == [name, name]
                times += 1
        return times

    async with sites.port:
        calls = [asyncio.create_task(call(name)) for name in NAMES]
        for _ in range(10):
            await sites.applications["shop"].reload(controllers=[Added])
            await sites.applications["shop"].reload(remove=[Added])
        done.set()
        assert all(await asyncio.gather(*calls))


class Unbuildable:
    @inject
    def __init__(self, missing: "Missing") -> None: ...

    @http("GET", "/", "root")
    async def root(self) -> str:
        return ""


class Missing:
    @inject
    def __init__(self, name: str) -> None: ...


async def test_no_application_starts_if_one_cannot_boot() -> None:
    sites = sites_on()
    stopped: list[str] = []
    sites.add("good")
    sites.add("shop", "shop.example", controllers=[Unbuildable])
    sites.add("blog", "blog.example", controllers=[Unbuildable])

    async def note(event: object) -> None:
        stopped.append("good")

    sites.applications["good"].dispatcher.add_listener(ApplicationEvents.SHUTDOWN, note)

    with pytest.raises(ConfigurationError) as caught:
        await sites.port.start()

    names = {problem.partition(":")[0] for problem in caught.value.problems}
    assert names == {"shop", "blog"}
    assert stopped == ["good"]
    with pytest.raises(RxKernelError, match="not booted"):
        _ = sites.applications["good"].kernel


async def test_exception_at_start_names_application() -> None:
    sites = two_sites()

    async def fail(event: object) -> None:
        raise OSError("no database")

    blog = sites.applications["blog"].dispatcher
    blog.add_listener(ApplicationEvents.BOOTSTRAP, fail)

    with pytest.raises(OSError, match="no database") as caught:
        await sites.port.start()

    assert "in the application blog" in caught.value.__notes__
    assert sites.port.counts == {}


async def test_application_is_not_started_without_its_port() -> None:
    sites = two_sites()

    with pytest.raises(ServerStartError, match=r"shop shares a port that is not open"):
        await sites.applications["shop"].start()


async def test_restart_with_the_host_of_another_application_fails_and_others_serve() -> None:
    sites = two_sites()
    shop = sites.applications["shop"]

    async with sites.port:
        await shop.stop()
        shop.settings = Settings(
            http=HttpSettings(allowed_hosts=("blog.example",)),
            socketio=SocketioSettings(enabled=False),
        )
        with pytest.raises(ConfigurationError, match=r"shop and blog share a port"):
            await shop.start()
        assert (await sites.get("shop.example")).status == 503
        assert (await sites.get("blog.example")).body == b"blog"


async def test_port_in_use_stops_all_applications() -> None:
    first = two_sites()
    async with first.port:
        second = Sites(SharedPort(Settings(http=HttpSettings(port=first.port.port))))
        second.add("shop")
        with pytest.raises(ServerStartError, match="the port is in use"):
            await second.port.start()
        with pytest.raises(RxKernelError, match="not booted"):
            _ = second.applications["shop"].kernel
        assert (await first.get("shop.example")).body == b"shop"


async def test_share_after_start_is_error() -> None:
    sites = two_sites()

    async with sites.port:
        with pytest.raises(RxKernelError, match="is open"):
            sites.add("late")
    with pytest.raises(ConfigurationError, match=r"two applications .* 'shop'"):
        sites.add("shop")
    with pytest.raises(RxKernelError, match="is sharing a port already"):
        sites.applications["shop"].share(SharedPort(), "other")
    async with Application() as booted:
        with pytest.raises(RxKernelError, match="is booted already"):
            booted.share(sites.port, "booted")


async def test_neighbours_are_the_other_applications_of_the_port() -> None:
    """Those that were added before are booted at `application.bootstrap`; all are at the start."""
    sites = two_sites()
    seen: list[tuple[str, str, list[tuple[str, bool]]]] = []

    def record(name: str, application: Application, event_name: str) -> None:
        async def note(event: object) -> None:
            states = [(n, other.is_booted) for n, other in application.neighbours.items()]
            seen.append((name, event_name, states))

        application.dispatcher.add_listener(event_name, note)

    for name, application in sites.applications.items():
        record(name, application, ApplicationEvents.BOOTSTRAP)
        record(name, application, ServerEvents.STARTED)
    async with sites.port:
        assert sites.applications["shop"].neighbours == {"blog": sites.applications["blog"]}

    assert seen == [
        ("shop", ApplicationEvents.BOOTSTRAP, [("blog", False)]),
        ("blog", ApplicationEvents.BOOTSTRAP, [("shop", True)]),
        ("shop", ServerEvents.STARTED, [("blog", True)]),
        ("blog", ServerEvents.STARTED, [("shop", True)]),
    ]
    assert Application().neighbours == {}


async def test_port_without_application_is_error() -> None:
    with pytest.raises(ConfigurationError, match=r"has no applications; add one with share\(\)"):
        await SharedPort().start()


async def test_port_of_socketio_is_error() -> None:
    sites = sites_on()
    sites.add("shop", settings=Settings(socketio=SocketioSettings(port=0)))

    with pytest.raises(ConfigurationError, match=r"shop: socketio.port is 0, but an application"):
        await sites.port.start()


async def test_settings_of_port_replace_those_of_application() -> None:
    sites = sites_on(keepalive_timeout=33.0, unknown_host=404)
    own = HttpSettings(port=9, keepalive_timeout=1.0, body_limit=7)
    shop = sites.add("shop", settings=Settings(http=own))

    async with sites.port:
        assert shop.settings.http.keepalive_timeout == 33.0
        assert shop.settings.http.body_limit == 7
        assert shop.servers["http"].port == sites.port.port
        assert shop.servers["http"].url == sites.port.url


async def test_connections_are_counted_for_the_port() -> None:
    sites = two_sites(max_connections_per_address=1)

    async with sites.port, sites.connect() as client:
        assert (await client.get("shop.example")).status == 200
        assert (await sites.get("blog.example")).status == 429
        assert sites.port.counts["http.max_connections_per_address"] == 1


async def test_application_with_middleware_is_handled_by_aiohttp() -> None:
    sites = two_sites()
    seen: list[str] = []
    shop = sites.applications["shop"]

    @aiohttp.web.middleware
    async def note(native: aiohttp.web.Request, handler: Any) -> aiohttp.web.StreamResponse:
        seen.append(native.path)
        response: aiohttp.web.StreamResponse = await handler(native)
        return response

    async def configure(event: object) -> None:
        shop.servers["http"].engine.middlewares.append(note)

    shop.dispatcher.add_listener("server.configure", configure)

    async with sites.port, sites.connect() as client:
        for name in (*NAMES, *NAMES):
            assert (await client.get(f"{name}.example")).body == name.encode()
    assert seen == ["/name", "/name"]
