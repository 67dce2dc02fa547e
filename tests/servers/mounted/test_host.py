"""A mounted application beside the routes, middlewares and TLS of its host."""

import asyncio
import ssl
from pathlib import Path

import aiohttp
import attrs
import socketio
from aiohttp import web
from injector import inject

from rxkernel import (
    Bundle,
    HttpServer,
    Request,
    Response,
    ServerConfigurationEvent,
    ServerEvents,
    Settings,
    SocketioSettings,
    WebSocket,
    http,
    observe,
)
from tests.servers.mounted.hosts import (
    PREFIX,
    Calls,
    Connect,
    Host,
    Pages,
    mount,
)
from tests.servers.tls import Authority


async def test_native_routes_and_middlewares_of_host_still_run(
    host: Host, session: aiohttp.ClientSession, connect: Connect
) -> None:
    settings = Settings(http=attrs.evolve(PREFIX, security_headers=True))
    mount(host, Calls, Pages, settings=settings)
    url = await host.start()
    await connect(url)

    async with session.get(url) as response:
        assert await response.text() == "native home"
        assert "X-Request-ID" not in response.headers
        assert "X-Content-Type-Options" not in response.headers
    async with session.get(f"{url}/unknown") as response:
        assert (response.status, await response.text()) == (404, "404: Not Found")
    async with session.get(f"{url}/api/hello/Ada") as response:
        assert await response.json() == {"name": "Ada", "url": f"{url}/api/hello/Bob"}
        assert response.headers["X-Content-Type-Options"] == "nosniff"
    async with session.get(f"{url}/api/unknown") as response:
        assert await response.json() == {"statusCode": 404, "message": "Not Found"}

    assert host.seen == ["/socket.io/", "/", "/unknown", "/api/hello/Ada", "/api/unknown"]


async def test_mounted_application_in_host_without_middlewares_tracks_requests(
    session: aiohttp.ClientSession,
) -> None:
    """aiohttp would not run the middlewares of the inner application."""
    host = Host(web.Application())
    settings = Settings(http=attrs.evolve(PREFIX, allowed_hosts=("example.org",)))
    mount(host, Pages, settings=settings)
    url = await host.start()

    async with session.get(f"{url}/api/hello/Ada") as response:
        assert response.status == 421

    await host.stop()


async def test_request_without_http_prefix_is_handled_by_host(
    host: Host, session: aiohttp.ClientSession
) -> None:
    mount(host, Calls)
    url = await host.start()

    async with session.get(f"{url}/socket.iox/") as response:
        assert await response.text() == "404: Not Found"
    async with session.get(f"{url}/socket.io/") as response:
        assert (await response.json())["message"] == "Transport unknown"


class Live(Bundle):
    name = "live"

    @inject
    def __init__(self, server: HttpServer) -> None:
        server.mount("/api/files/{name:path}", self.file)
        server.websocket("/api/live", self.live)

    async def file(self, native: web.Request) -> web.Response:
        return web.Response(text=native.match_info["name"])

    async def live(self, websocket: WebSocket) -> None:
        await websocket.accept()
        async for message in websocket:
            await websocket.send(message)


async def test_native_paths_of_bundles_below_prefix_are_served(
    host: Host, session: aiohttp.ClientSession
) -> None:
    mount(host, bundles=[Live], settings=Settings(http=PREFIX))
    url = await host.start()

    async with session.get(f"{url}/api/files/a/b.txt") as response:
        assert await response.text() == "a/b.txt"
    async with session.ws_connect(f"{url}/api/live") as websocket:
        await websocket.send_str("tea")
        assert await websocket.receive_str() == "tea"
        await host.stop()
        assert (await websocket.receive()).data == 1001


class Talk:
    @inject
    def __init__(self, server: HttpServer) -> None:
        self.server = server

    @http("GET", "/talk", "talk")
    async def talk(self, request: Request) -> Response:
        return await self.server.upgrade(request, self.serve)

    async def serve(self, websocket: WebSocket) -> None:
        await websocket.accept()
        async for message in websocket:
            await websocket.send(message)


async def test_websocket_of_route_below_prefix_is_served(
    host: Host, session: aiohttp.ClientSession
) -> None:
    mount(host, Talk, settings=Settings(http=PREFIX))
    url = await host.start()

    async with session.ws_connect(f"{url}/api/talk") as websocket:
        await websocket.send_str("tea")
        assert await websocket.receive_str() == "tea"
        await host.stop()
        assert (await websocket.receive()).data == 1001


class Flood(Bundle):
    """Sends to a client that does not read yet, and cancels the first of two tasks that wait."""

    name = "flood"
    message = "x" * 200_000

    @inject
    def __init__(self, server: HttpServer) -> None:
        server.websocket("/api/flood", self.flood)

    async def flood(self, websocket: WebSocket) -> None:
        await websocket.accept()
        while websocket.send_text(self.message.encode()):
            pass
        first, second = (asyncio.create_task(websocket.send(self.message)) for _ in range(2))
        await asyncio.sleep(0)  # the senders start
        first.cancel()
        await second
        await websocket.send("end")


async def test_cancelled_send_does_not_cancel_other_senders(
    host: Host, session: aiohttp.ClientSession
) -> None:
    mount(host, bundles=[Flood], settings=Settings(http=PREFIX))
    url = await host.start()

    async with session.ws_connect(f"{url}/api/flood") as websocket:
        texts = {Flood.message}
        while "end" not in texts:
            texts.add(await websocket.receive_str(timeout=20))
    assert texts == {Flood.message, "end"}


async def test_native_route_below_prefix_has_priority(
    host: Host, session: aiohttp.ClientSession
) -> None:
    async def mine(request: web.Request) -> web.Response:
        return web.Response(text="mine")

    host.native.router.add_get("/api/hello/mine", mine)
    host.native.router.add_get("/{tail:.*}", mine)
    mount(host, Pages, settings=Settings(http=PREFIX))
    url = await host.start()

    for path, text in ("/api/hello/mine", "mine"), ("/other", "mine"):
        async with session.get(f"{url}{path}") as response:
            assert await response.text() == text
    async with session.get(f"{url}/api/hello/Ada") as response:
        assert (await response.json())["name"] == "Ada"


async def test_listener_of_server_configure_adds_native_route_below_prefix(
    host: Host, session: aiohttp.ClientSession
) -> None:
    async def extra(request: web.Request) -> web.Response:
        return web.Response(text="extra")

    class Native:
        @observe(ServerEvents.CONFIGURE)
        async def configure(self, event: ServerConfigurationEvent) -> None:
            if event.server.name == "http":
                event.server.engine.router.add_get("/api/extra", extra)

    mount(host, Pages, listeners=[Native], settings=Settings(http=PREFIX))

    async with session.get(f"{await host.start()}/api/extra") as response:
        assert await response.text() == "extra"


async def test_two_applications_are_mounted_in_one_host(host: Host, connect: Connect) -> None:
    one = mount(host, Calls)
    other = mount(host, Calls, settings=Settings(socketio=SocketioSettings(path="/other")))
    url = await host.start()

    for path in "socket.io", "other":
        client = await connect(url, socketio_path=path)
        assert (await client.call("add", {"params": {"a": 1, "b": 2}}))["content"] == 3

    assert [len(a.servers["socketio"].engine.connections) for a in (one, other)] == [1, 1]


async def test_host_that_is_started_again_serves_again(host: Host, connect: Connect) -> None:
    mount(host, Calls)
    for _ in range(2):
        client = await connect(await host.start())
        assert (await client.call("add", {"params": {"a": 1, "b": 2}}))["content"] == 3
        await client.disconnect()
        await host.stop()


async def test_host_with_tls_serves_socketio_and_https_urls(host: Host, tmp_path: Path) -> None:
    """TLS belongs to the runner of the host."""
    authority = Authority(tmp_path)
    files = authority.issue("server")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(files.certificate, files.key)
    mount(host, Calls, Pages, settings=Settings(http=PREFIX))
    await host.start()
    assert host.runner is not None
    site = web.TCPSite(host.runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    url = f"https://127.0.0.1:{host.runner.addresses[1][1]}"

    connector = aiohttp.TCPConnector(ssl=authority.client())
    async with aiohttp.ClientSession(connector=connector) as session:
        client = socketio.AsyncClient(reconnection=False, http_session=session)
        await client.connect(url, transports=["websocket"])
        assert (await client.call("add", {"params": {"a": 1, "b": 2}}))["content"] == 3
        async with session.get(f"{url}/api/hello/Ada") as response:
            assert (await response.json())["url"] == f"{url}/api/hello/Bob"
        await client.disconnect()
