"""Two applications in this process as workers, and an acceptor that passes connections."""

import asyncio
import socket
from collections.abc import AsyncIterator

import aiohttp
import pytest

from rxkernel import Application, HttpSettings, Request, Settings, http
from rxkernel.cli.workers.acceptor import Acceptor
from rxkernel.cli.workers.request_heads import RequestHeads
from rxkernel.servers.http.forwarded import ForwardedHeaders
from rxkernel.servers.socketio.server import SocketioServer
from rxkernel.servers.workers.passed_sockets import PassedSockets
from rxkernel.servers.workers.socket_channel import socket_pair

PROXIES = ("127.0.0.1",)
POLLING = "/socket.io/?EIO=4&transport=polling"


class Hello:
    @http("POST", "/hello", "hello")
    async def hello(self, request: Request) -> str:
        return "hello"


class Site:
    def __init__(self, *, fast_path: bool) -> None:
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.acceptor = Acceptor([self.listening], 2, RequestHeads(ForwardedHeaders(PROXIES)))
        self.applications: list[Application] = []
        self.url = f"http://127.0.0.1:{self.listening.getsockname()[1]}"
        self._fast_path = fast_path

    async def start(self) -> None:
        pool = self.acceptor.pool
        for place in (0, 1):
            ours, theirs = socket_pair()
            worker = pool.add(ours, theirs.dup(), pool.new_number())
            settings = Settings(
                http=HttpSettings(trusted_proxies=PROXIES, fast_path=self._fast_path)
            )
            application = Application(controllers=[Hello], settings=settings)
            self.applications.append(application)
            application.serve_sockets(PassedSockets(theirs, worker.number))
            await application.start()
            server = application.servers["socketio"]
            assert isinstance(server, SocketioServer)
            server.flush_timeout = 0.0  # no client polls
            pool.use(worker, place)

    def client(self, number: int = 1, *, shared: bool = True) -> aiohttp.ClientSession:
        """A client behind a proxy, which uses one connection for all requests if *shared*."""
        connector = aiohttp.TCPConnector(limit=1, force_close=not shared)
        headers = {"X-Forwarded-For": f"203.0.113.{number}"}
        return aiohttp.ClientSession(self.url, connector=connector, headers=headers)

    async def sessions(self) -> dict[str, str]:
        """A session of each worker, by the number of the worker."""
        found: dict[str, str] = {}
        for number in range(1, 200):
            async with self.client(number) as client, client.get(POLLING) as response:
                sid = (await response.text()).split('"sid":"')[1].split('"')[0]
                found.setdefault(sid.partition(".")[0], sid)
            if len(found) == 2:
                break
        return found

    async def stop(self) -> None:
        for application in self.applications:
            await application.stop()
        self.acceptor.close()


@pytest.fixture(params=[True, False], ids=["fast", "aiohttp"])
async def site(request: pytest.FixtureRequest) -> AsyncIterator[Site]:
    site = Site(fast_path=request.param)
    await site.start()
    yield site
    await site.stop()


@pytest.mark.parametrize("shared", [True, False], ids=["shared", "separate"])
async def test_each_request_reaches_the_worker_of_its_session(site: Site, shared: bool) -> None:
    sids = await site.sessions()
    assert set(sids) == {"1", "2"}
    async with site.client(shared=shared) as client:
        for packet in ("40", f'42["unknown","{300_000 * "x"}"]', '42["unknown"]'):
            for sid in sids.values():
                async with client.post(f"{POLLING}&sid={sid}", data=packet) as response:
                    assert await response.text() == "ok"
                async with client.post("/hello") as response:
                    assert await response.text() == "hello"


async def test_response_before_the_end_of_the_request_closes_the_connection(site: Site) -> None:
    """Otherwise the next request could not move to another worker, which may have its session."""
    reader, writer = await asyncio.open_connection(*site.listening.getsockname())
    writer.write(b"POST /unknown HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n")

    head = await reader.readuntil(b"\r\n\r\n")
    writer.write(b"ab")

    assert b" 404 " in head
    assert b"Connection: close" in head
    await reader.read()
    writer.close()


async def test_chunked_request_does_not_bind_the_connection_to_its_worker(
    site: Site,
) -> None:
    """The connection moves afterwards, or the response closes it."""
    sids = await site.sessions()
    async with site.client() as client:
        for sid in sids.values():
            async with client.post("/hello", data=_pieces()) as response:
                assert response.status == 200
            async with client.post(f"{POLLING}&sid={sid}", data="40") as response:
                assert await response.text() == "ok"


async def _pieces() -> AsyncIterator[bytes]:
    for _ in range(3):
        yield b"piece"
        await asyncio.sleep(0)


async def test_new_sessions_over_one_connection_are_distributed_to_all_workers(site: Site) -> None:
    """Otherwise all clients of a proxy with a few connections would be at one worker."""
    numbers = []
    async with site.client() as client:
        for _ in range(4):
            async with client.get(POLLING) as response:
                numbers.append((await response.text()).split('"sid":"')[1].partition(".")[0])

    assert sorted(numbers) == ["1", "1", "2", "2"]


async def test_new_connections_after_stop_of_a_worker_go_to_the_other(site: Site) -> None:
    sids = await site.sessions()

    await site.applications[0].stop()

    for number in range(20):
        async with site.client(number) as client, client.post("/hello") as response:
            assert response.status == 200
    async with site.client() as client:
        async with client.post(f"{POLLING}&sid={sids['2']}", data="40") as response:
            assert await response.text() == "ok"
        async with client.post(f"{POLLING}&sid={sids['1']}", data="40") as response:
            assert "Session ID unknown" in await response.text()
