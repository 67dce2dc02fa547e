"""An application that is mounted in an aiohttp application of the user, with real clients."""

import asyncio
import gzip
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import attrs
import pytest
import pytest_asyncio
import socketio
from aiohttp import web
from aiohttp.typedefs import Handler
from injector import inject

from rxkernel import (
    Application,
    ApplicationEvents,
    Bundle,
    ConfigurationError,
    EventStreamResponse,
    FileResponse,
    HttpServer,
    HttpSettings,
    KernelClient,
    Request,
    RxKernelError,
    ServerConfigurationEvent,
    ServerEvents,
    ServerSentEvent,
    Settings,
    ShutdownEvent,
    SocketioSettings,
    TlsSettings,
    UploadedFile,
    WebSocket,
    http,
    observe,
    websocket,
)
from rxkernel.servers.server import ServerStartError
from tests.servers.tls import Authority
from tests.waiting import until

PREFIX = HttpSettings(prefix="/api")


class Calls:
    def __init__(self) -> None:
        self.entered = asyncio.Event()
        self.release = asyncio.Event()

    @websocket("add")
    async def add(self, a: int, b: int) -> int:
        return a + b

    @websocket("slow")
    async def slow(self) -> str:
        self.entered.set()
        await self.release.wait()
        return "done"


class Pages:
    def __init__(self) -> None:
        self.is_streaming = asyncio.Event()
        self.is_closed = asyncio.Event()

    @http("GET", "/hello/{name}", "hello")
    async def hello(self, request: Request) -> dict[str, Any]:
        return {"name": request.params["name"], "url": request.url_for("hello", name="Bob")}

    @http("POST", "/echo", "echo")
    async def echo(self, request: Request) -> Any:
        return request.body

    @http("GET", "/events", "events")
    async def events(self, request: Request) -> EventStreamResponse:
        return EventStreamResponse(self.silent())

    async def silent(self) -> AsyncIterator[ServerSentEvent]:
        try:
            yield ServerSentEvent(data="one")
            self.is_streaming.set()
            await asyncio.Event().wait()
        finally:
            self.is_closed.set()


@attrs.define(eq=False)
class Host:
    """The user's aiohttp application, which has one route and one middleware."""

    native: web.Application
    seen: list[str] = attrs.field(factory=list)
    runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        assert self.runner is not None
        return f"http://127.0.0.1:{self.runner.addresses[0][1]}"

    async def start(self) -> str:
        self.runner = web.AppRunner(self.native, shutdown_timeout=20)
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", 0).start()
        return self.url

    async def stop(self) -> None:
        runner, self.runner = self.runner, None
        if runner is not None:
            await runner.cleanup()


@pytest_asyncio.fixture
async def host() -> AsyncIterator[Host]:
    host = Host(web.Application())

    @web.middleware
    async def note(request: web.Request, handler: Handler) -> web.StreamResponse:
        host.seen.append(request.path)
        return await handler(request)

    async def home(request: web.Request) -> web.Response:
        return web.Response(text="native home")

    host.native.middlewares.append(note)
    host.native.router.add_get("/", home)
    yield host
    await host.stop()


class Metrics(Bundle):
    name = "metrics"

    @inject
    def __init__(self, server: HttpServer) -> None:
        server.mount("/metrics", self.metrics)

    async def metrics(self, native: web.Request) -> web.Response:
        raise NotImplementedError


Connect = Callable[..., Awaitable[socketio.AsyncClient]]


@pytest_asyncio.fixture
async def connect() -> AsyncIterator[Connect]:
    clients: list[socketio.AsyncClient] = []

    async def start(
        url: str, transport: str = "websocket", **options: Any
    ) -> socketio.AsyncClient:
        clients.append(socketio.AsyncClient(reconnection=False))
        await clients[-1].connect(url, transports=[transport], **options)
        return clients[-1]

    yield start
    for client in clients:
        await client.disconnect()


def mount(host: Host, *controllers: Any, **parts: Any) -> Application:
    application = Application(controllers=controllers, **parts)
    application.mount_in(host.native)
    return application


over_each_transport = pytest.mark.parametrize("transport", ["websocket", "polling"])


@over_each_transport
async def test_mounted_socketio_acknowledges_on_port_of_host(
    host: Host, connect: Connect, transport: str
) -> None:
    application = mount(host, Calls)
    client = await connect(await host.start(), transport)

    acknowledged = await client.call("add", {"params": {"a": 1, "b": 2}})

    assert acknowledged["content"] == 3
    assert [server.url for server in application.servers.values()] == [None, None]
    assert [server.port for server in application.servers.values()] == [None, None]


async def test_polling_client_upgrades_to_websocket(host: Host) -> None:
    mount(host, Calls)
    client = socketio.AsyncClient(reconnection=False)
    await client.connect(await host.start())

    await until(lambda: client.transport() == "websocket")

    assert (await client.call("add", {"params": {"a": 1, "b": 2}}))["content"] == 3
    await client.disconnect()


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


async def test_request_without_http_prefix_goes_to_host(
    host: Host, session: aiohttp.ClientSession
) -> None:
    mount(host, Calls)
    url = await host.start()

    async with session.get(f"{url}/socket.iox/") as response:
        assert await response.text() == "404: Not Found"
    async with session.get(f"{url}/socket.io/") as response:
        assert (await response.json())["message"] == "Transport unknown"


@pytest.mark.parametrize("coding", ["identity", "gzip"])
async def test_body_is_read_once_decompressed(
    host: Host, session: aiohttp.ClientSession, coding: str
) -> None:
    """aiohttp's parser has decompressed it; Socket.IO and the kernel must not do it again."""
    mount(host, Pages, settings=Settings(http=PREFIX))
    body = json.dumps({"a": "b" * 1000}).encode()
    headers = {"Content-Type": "application/json", "Content-Encoding": coding}
    data = gzip.compress(body) if coding == "gzip" else body

    async with session.post(
        f"{await host.start()}/api/echo", data=data, headers=headers
    ) as response:
        assert await response.json() == {"a": "b" * 1000}


async def test_body_above_limit_is_413(host: Host, session: aiohttp.ClientSession) -> None:
    mount(host, Pages, settings=Settings(http=attrs.evolve(PREFIX, body_limit=10)))

    async with session.post(f"{await host.start()}/api/echo", json="x" * 100) as response:
        assert response.status == 413


async def test_upload_is_received(host: Host, session: aiohttp.ClientSession) -> None:
    class Uploads:
        @http("POST", "/files", "upload")
        async def upload(self, file: UploadedFile) -> dict[str, Any]:
            return {"name": file.filename, "size": file.size}

    mount(host, Uploads, settings=Settings(http=PREFIX))
    form = aiohttp.FormData()
    form.add_field("file", b"x" * 300_000, filename="a.bin")

    async with session.post(f"{await host.start()}/api/files", data=form) as response:
        assert await response.json() == {"name": "a.bin", "size": 300_000}


async def test_disconnected_client_ends_its_stream(
    host: Host, session: aiohttp.ClientSession
) -> None:
    application = mount(host, Pages, settings=Settings(http=PREFIX))
    response = await session.get(f"{await host.start()}/api/events")
    pages = application.injector.get(Pages)
    await pages.is_streaming.wait()

    response.close()

    async with asyncio.timeout(20):
        await pages.is_closed.wait()


async def test_disconnect_is_noticed_on_connection_that_host_has_used(
    host: Host, session: aiohttp.ClientSession
) -> None:
    application = mount(host, Pages, settings=Settings(http=PREFIX))
    url = await host.start()
    async with session.get(url) as response:
        await response.read()
    for _ in range(2):
        async with session.get(f"{url}/api/hello/Ada") as response:
            await response.read()
    stream = await session.get(f"{url}/api/events")
    pages = application.injector.get(Pages)
    await pages.is_streaming.wait()

    stream.close()

    async with asyncio.timeout(20):
        await pages.is_closed.wait()


class TestLimits:
    async def test_page_of_other_origin_is_rejected(
        self, host: Host, session: aiohttp.ClientSession
    ) -> None:
        http = HttpSettings(origins=("http://good.example",))
        mount(host, Calls, settings=Settings(http=http))
        url = f"{await host.start()}/socket.io/?EIO=4&transport=polling"

        async with session.get(url, headers={"Origin": "http://evil.example"}) as response:
            assert response.status == 403
        async with session.get(url, headers={"Origin": "http://good.example"}) as response:
            assert response.status == 200
            allowed = response.headers["Access-Control-Allow-Origin"]
            assert allowed == "http://good.example"

    @over_each_transport
    async def test_payload_above_limit_closes_session(
        self, host: Host, connect: Connect, transport: str
    ) -> None:
        application = mount(
            host, Calls, settings=Settings(socketio=SocketioSettings(max_payload=1000))
        )
        client = await connect(await host.start(), transport)

        await client.emit("add", {"params": {"a": "x" * 2000, "b": 2}})

        await until(lambda: not client.connected)
        assert application.servers["socketio"].counts["socketio.max_payload"] == 1

    async def test_session_above_limit_is_503(
        self, host: Host, connect: Connect, session: aiohttp.ClientSession
    ) -> None:
        limits = SocketioSettings(max_sessions=1)
        mount(host, Calls, settings=Settings(socketio=limits))
        url = await host.start()
        await connect(url)

        async with session.get(f"{url}/socket.io/?EIO=4&transport=polling") as response:
            assert response.status == 503

    async def test_silent_client_is_closed_by_heartbeat(
        self, host: Host, session: aiohttp.ClientSession
    ) -> None:
        limits = SocketioSettings(ping_interval=0.05, ping_timeout=0.05)
        mount(host, Calls, settings=Settings(socketio=limits))
        url = f"{await host.start()}/socket.io/?EIO=4&transport=websocket"

        async with asyncio.timeout(20), session.ws_connect(url) as websocket:
            frames = [message.data async for message in websocket]

        assert "2" in frames

    async def test_client_that_reads_nothing_is_closed(
        self, host: Host, session: aiohttp.ClientSession
    ) -> None:
        """A full write buffer is noticed, and the limit of the send queue closes the client."""
        limits = SocketioSettings(max_outbound_bytes=10_000, max_payload=100_000_000)
        application = mount(host, Calls, settings=Settings(socketio=limits))
        url = f"{await host.start()}/socket.io/?EIO=4&transport=websocket"
        async with session.ws_connect(url) as websocket:
            await websocket.send_str("40")
            await websocket.receive()
            await websocket.receive()
            server = application.servers["socketio"]
            for _ in range(200):
                await server.engine.emit("news", "x" * 1_000_000)
                if not server.engine.connections:
                    break
            await until(lambda: not server.engine.connections)
            assert server.counts["socketio.max_outbound_bytes"] == 1


class TestStopping:
    """Check 39 of the specification of moleculer-io."""

    @over_each_transport
    async def test_running_call_is_acknowledged_before_client_is_disconnected(
        self, host: Host, connect: Connect, transport: str
    ) -> None:
        application = mount(host, Calls)
        client = await connect(await host.start(), transport)
        calls = application.injector.get(Calls)
        running = asyncio.create_task(client.call("slow"))
        await calls.entered.wait()

        stopping = asyncio.create_task(host.stop())
        await until(lambda: not application.servers.is_serving)
        assert not stopping.done()
        calls.release.set()

        assert (await running)["content"] == "done"
        await stopping
        await until(lambda: not client.connected)

    async def test_call_that_does_not_end_is_closed_after_shutdown_timeout(
        self, host: Host, connect: Connect
    ) -> None:
        application = mount(host, Calls, settings=Settings(shutdown_timeout=0.1))
        client = await connect(await host.start())
        await client.emit("slow")
        await application.injector.get(Calls).entered.wait()

        async with asyncio.timeout(15):
            await host.stop()

        await until(lambda: not client.connected)

    async def test_services_are_open_until_requests_of_host_have_ended(
        self, host: Host, session: aiohttp.ClientSession
    ) -> None:
        entered, release = asyncio.Event(), asyncio.Event()
        order: list[str] = []

        async def slow(request: web.Request) -> web.Response:
            entered.set()
            await release.wait()
            order.append("request")
            return web.Response(text=str(application.injector is not None))

        class Closing:
            @observe(ApplicationEvents.SHUTDOWN)
            async def closing(self, event: ShutdownEvent) -> None:
                order.append("services")

        host.native.router.add_get("/slow", slow)
        application = mount(host, Calls, listeners=[Closing])
        url = await host.start()
        pending = asyncio.create_task(session.get(f"{url}/slow"))
        await entered.wait()

        stopping = asyncio.create_task(host.stop())
        await until(lambda: not application.servers.is_serving)
        release.set()

        assert await (await pending).text() == "True"
        await stopping
        assert order == ["request", "services"]

    async def test_event_stream_ends_at_shutdown(
        self, host: Host, session: aiohttp.ClientSession
    ) -> None:
        application = mount(host, Pages, settings=Settings(http=PREFIX))
        async with session.get(f"{await host.start()}/api/events") as response:
            await application.injector.get(Pages).is_streaming.wait()
            async with asyncio.timeout(20):
                await host.stop()
            assert b"one" in await response.read()

    async def test_application_stopped_by_hand_is_404(
        self, host: Host, session: aiohttp.ClientSession
    ) -> None:
        application = mount(host, Calls)
        url = await host.start()
        await application.stop()

        async with session.get(f"{url}/socket.io/") as response:
            assert response.status == 404
        async with session.get(url) as response:
            assert response.status == 200


class TestErrors:
    async def test_error_at_boot_is_raised_by_startup_of_host(self, host: Host) -> None:
        class Twice:
            @websocket("one")
            async def one(self) -> None: ...

            @websocket("one")
            async def other(self) -> None: ...

        mount(host, Twice)

        with pytest.raises(ConfigurationError, match="one"):
            await host.start()

    async def test_failing_startup_of_host_stops_application(self, host: Host) -> None:
        async def fail(native: web.Application) -> None:
            raise OSError("no database")

        application = mount(host, Calls)
        host.native.on_startup.append(fail)

        with pytest.raises(OSError, match="no database"):
            await host.start()
        await host.stop()

        with pytest.raises(RxKernelError, match="not booted"):
            _ = application.servers

    async def test_settings_and_routes_that_cannot_work_are_reported_together(
        self, host: Host, tmp_path: Path
    ) -> None:
        files = Authority(tmp_path).issue("server")
        settings = Settings(
            http=HttpSettings(tls=TlsSettings(certificate=files.certificate, key=files.key)),
            socketio=SocketioSettings(port=0),
        )
        mount(host, Pages, bundles=[Metrics], settings=settings)

        with pytest.raises(ConfigurationError) as caught:
            await host.start()

        text = str(caught.value)
        for part in (
            "http.tls has no effect",
            "socketio.port is 0",
            "hello, echo, events",
            "'/metrics' is mounted",
        ):
            assert part in text

    @pytest.mark.parametrize("path", ["/socket.io/", "/socket.io/{tail:.*}"])
    async def test_path_that_host_has_is_reported(self, host: Host, path: str) -> None:
        async def mine(request: web.Request) -> web.Response:
            raise NotImplementedError

        host.native.router.add_get(path, mine)
        mount(host, Calls)

        with pytest.raises(ConfigurationError, match=r"hides '/socket\.io' of the mounted"):
            await host.start()

    async def test_start_of_mounted_application_is_refused(self, host: Host) -> None:
        application = mount(host, Calls)

        with pytest.raises(ServerStartError, match="run that one"):
            await application.start()

        await host.start()

    async def test_mount_in_started_or_inner_host_is_refused(self, host: Host) -> None:
        outer = web.Application()
        outer.add_subapp("/inner", host.native)
        with pytest.raises(RxKernelError, match="outermost"):
            Application(controllers=[Calls]).mount_in(host.native)

    async def test_host_that_becomes_inner_is_refused_at_startup(self, host: Host) -> None:
        mount(host, Calls)
        outer = Host(web.Application())
        outer.native.add_subapp("/inner", host.native)

        with pytest.raises(RxKernelError, match="outermost"):
            await outer.start()
        await outer.stop()

    async def test_second_mount_is_refused(self, host: Host) -> None:
        application = mount(host, Calls)

        with pytest.raises(RxKernelError, match="mounted already"):
            application.mount_in(web.Application())

    async def test_mount_of_booted_application_is_refused(self, host: Host) -> None:
        async with Application(controllers=[Calls]) as application:
            with pytest.raises(RxKernelError, match="booted already"):
                application.mount_in(host.native)


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


async def test_file_is_sent(host: Host, session: aiohttp.ClientSession, tmp_path: Path) -> None:
    file = tmp_path / "a.bin"
    file.write_bytes(b"x" * 3_000_000)

    class Files:
        @http("GET", "/file", "file")
        async def file(self, request: Request) -> FileResponse:
            return FileResponse(file)

    mount(host, Files, settings=Settings(http=PREFIX))

    async with session.get(f"{await host.start()}/api/file") as response:
        assert len(await response.read()) == 3_000_000


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


async def test_mounted_application_works_with_kernel_client(host: Host) -> None:
    application = mount(host, Calls)

    async with KernelClient(application) as client:
        response = await client.websocket("add", params={"a": 1, "b": 2})

    assert response.content == 3


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
