"""``socketio.port``: Socket.IO on a port of its own."""

import asyncio

import aiohttp
import pytest

from rxkernel import Request, websocket
from rxkernel.servers.server import ServerStartError
from tests.ports import reserved_port
from tests.servers.conftest import Serve
from tests.servers.socketio_clients import client
from tests.waiting import until


class Calls:
    def __init__(self) -> None:
        self.entered = asyncio.Event()
        self.release = asyncio.Event()

    @websocket("echo")
    async def echo(self, request: Request) -> object:
        return request.body

    @websocket("slow")
    async def slow(self) -> str:
        self.entered.set()
        await self.release.wait()
        return "done"


POLLING = "/socket.io/?EIO=4&transport=polling"


@pytest.mark.parametrize("transport", ["websocket", "polling"])
async def test_own_port_serves_events_and_no_other_port_does(
    serve: Serve, session: aiohttp.ClientSession, transport: str
) -> None:
    application = await serve(Calls, socketio={"port": 0, "host": "127.0.0.1"})
    sockets, pages = application.servers["socketio"], application.servers["http"]
    assert sockets.url == f"http://127.0.0.1:{sockets.port}"
    assert sockets.port not in (0, pages.port)

    async with client(application, transports=[transport]) as connected:
        assert (await connected.call("echo", "hello"))["content"] == "hello"
    async with session.get(f"{pages.url}{POLLING}") as response:
        assert response.status == 404


async def test_own_port_requires_origin_of_pages_to_be_allowed(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    """A page on the port of HTTP has another origin than the port of Socket.IO (RFC 6454 §5)."""
    with reserved_port() as port:
        page = {"Origin": f"http://127.0.0.1:{port}"}
        refused = await serve(Calls, http={"port": port}, socketio={"port": 0})
        async with session.get(
            f"{refused.servers['socketio'].url}{POLLING}", headers=page
        ) as response:
            assert response.status == 403
    allowed = await serve(Calls, http={"origins": (page["Origin"],)}, socketio={"port": 0})
    async with session.get(
        f"{allowed.servers['socketio'].url}{POLLING}", headers=page
    ) as response:
        assert response.status == 200
        assert response.headers["Access-Control-Allow-Origin"] == page["Origin"]


async def test_readiness_on_http_port_covers_own_port(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    application = await serve(Calls, socketio={"port": 0}, health=True)
    url = f"{application.servers['http'].url}/readyz"

    async with session.get(url) as response:
        assert response.status == 200


async def test_stop_acknowledges_running_call_and_frees_own_port(serve: Serve) -> None:
    application = await serve(Calls, socketio={"port": 0})
    port = application.servers["socketio"].port
    assert port is not None
    calls = application.injector.get(Calls)
    async with client(application) as connected:
        running = asyncio.create_task(connected.call("slow"))
        await calls.entered.wait()

        stopping = asyncio.create_task(application.stop())
        await until(lambda: not application.servers.is_serving)
        calls.release.set()

        assert (await running)["content"] == "done"
        await stopping
    with pytest.raises(ConnectionError):
        await asyncio.open_connection("127.0.0.1", port)


async def test_own_port_in_use_stops_http_server_again(serve: Serve) -> None:
    with reserved_port() as port:
        taken = await asyncio.start_server(lambda r, w: w.close(), "127.0.0.1", port)
        async with taken:
            with pytest.raises(ServerStartError, match=str(port)):
                await serve(Calls, socketio={"port": port})
