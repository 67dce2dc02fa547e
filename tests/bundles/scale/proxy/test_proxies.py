"""nginx and HAProxy in front of two servers, with real clients at several addresses."""

import asyncio
import json
import ssl
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import attrs
import pytest
import socketio
import trustme
from yarl import URL

from rxkernel import (
    Application,
    HttpSettings,
    ReadinessEvent,
    Request,
    ServerEvents,
    Settings,
    SocketioSettings,
    both,
    http,
    observe,
)
from tests.bundles.scale.proxy.proxies import KINDS, proxied
from tests.serving import serving

ADDRESSES = [f"127.0.0.{number}" for number in range(2, 14)]

each_kind = pytest.mark.parametrize("kind", KINDS)


class Where:
    def __init__(self, name: str) -> None:
        self.name = name
        self.is_ready = True

    @both("GET", "/where", "where")
    async def where(self) -> str:
        return self.name

    @http("GET", "/client", "client")
    async def client(self, request: Request) -> list[str]:
        assert request.client is not None
        return [request.client.host, request.base_url]

    @http("POST", "/size", "size")
    async def size(self, body: bytes) -> int:
        return len(body)

    @observe(ServerEvents.READINESS)
    async def report(self, event: ReadinessEvent) -> None:
        if not self.is_ready:
            event.fail("test")


SETTINGS = Settings(
    health=True,
    shutdown_timeout=0.1,
    http=HttpSettings(port=0, prefix="/api", trusted_proxies=("127.0.0.1",)),
    socketio=SocketioSettings(ping_interval=5.0),
)


@attrs.frozen
class Shop:
    url: str
    first: Application
    controllers: tuple[Where, Where]


@asynccontextmanager
async def shop(kind: str, folder: Path, certificate: Path | None = None) -> AsyncIterator[Shop]:
    controllers = Where("one"), Where("two")
    applications = [
        Application(controllers=[each], listeners=[each], settings=SETTINGS)
        for each in controllers
    ]
    async with AsyncExitStack() as stack:
        for application in applications:
            await stack.enter_async_context(serving(application))
        url = await stack.enter_async_context(
            proxied(kind, folder, *applications, certificate=certificate)
        )
        yield Shop(url, applications[0], controllers)


def client_at(
    address: str, *, connector_ssl: ssl.SSLContext | bool = True, **given: Any
) -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(local_addr=(address, 0), ssl=connector_ssl)
    return aiohttp.ClientSession(connector=connector, **given)


async def text_of(session: aiohttp.ClientSession, url: str | URL) -> tuple[int, str]:
    async with session.get(url) as response:
        return response.status, await response.text()


async def where(url: str, count: int) -> Counter[str]:
    """The servers that responded to concurrent requests, each over its own connection."""
    found: Counter[str] = Counter()
    async with aiohttp.ClientSession() as session:
        for _ in range(count):
            status, text = await text_of(session, f"{url}/api/where")
            assert status == 200
            found[text] += 1
    return found


@each_kind
async def test_requests_reach_all_servers_with_the_address_of_the_client(
    kind: str, tmp_path: Path
) -> None:
    async with shop(kind, tmp_path) as served:
        assert set(await where(served.url, 20)) == {"one", "two"}
        async with client_at("127.0.0.9", headers={"X-Forwarded-For": "192.0.2.1"}) as session:
            async with session.get(f"{served.url}/api/client") as response:
                assert await response.json() == ["127.0.0.9", f"{served.url}/api"]
            async with session.post(f"{served.url}/api/size", data=b"x" * 500_000) as response:
                assert await response.json() == 500_000
            for path in ("readyz", "healthz", "%72eadyz"):
                hidden = URL(f"{served.url}/api/{path}", encoded=True)
                assert (await text_of(session, hidden))[0] == 404


@each_kind
@pytest.mark.parametrize("transports", [["polling"], ["polling", "websocket"], ["websocket"]])
async def test_session_of_socketio_stays_at_one_server(
    kind: str, transports: list[str], tmp_path: Path
) -> None:
    async with shop(kind, tmp_path) as served:
        found = set()
        for address in ADDRESSES:
            async with client_at(address) as session:
                client = socketio.AsyncClient(reconnection=False, http_session=session)
                await client.connect(served.url, transports=transports)
                names = {(await client.call("where"))["content"] for _ in range(3)}
                assert client.transport() == transports[-1]
                await client.disconnect()
                assert len(names) == 1
                found |= names
        assert found == {"one", "two"}


@each_kind
async def test_server_that_stops_gets_no_more_requests(kind: str, tmp_path: Path) -> None:
    async with shop(kind, tmp_path) as served:
        await where(served.url, 2)
        await served.first.stop()

        assert await where(served.url, 20) == {"two": 20}
        for address in ADDRESSES[:4]:
            async with client_at(address) as session:
                client = socketio.AsyncClient(reconnection=False, http_session=session)
                await client.connect(served.url)
                assert (await client.call("where"))["content"] == "two"
                await client.disconnect()


async def test_server_that_is_not_ready_gets_no_more_requests_from_haproxy(
    tmp_path: Path,
) -> None:
    async with shop("haproxy", tmp_path) as served:
        served.controllers[0].is_ready = False

        async with asyncio.timeout(20):
            while await where(served.url, 10) != {"two": 10}:
                pass


async def test_haproxy_keeps_a_client_with_its_cookie_at_its_server(
    tmp_path: Path,
) -> None:
    async with shop("haproxy", tmp_path) as served:
        target = f"{served.url}/socket.io/?EIO=4&transport=polling"
        async with client_at("127.0.0.2") as session, session.get(target) as response:
            sid = json.loads((await response.text())[1:])["sid"]  # "0" is the type OPEN
            cookie = response.cookies["shop_process"].value
        statuses = set()
        for address in ADDRESSES:
            async with (
                client_at(address, cookies={"shop_process": cookie}) as session,
                session.post(f"{target}&sid={sid}", data="3") as response,
            ):
                statuses.add(response.status)
        assert statuses == {200}


@each_kind
async def test_proxy_terminates_tls(kind: str, tmp_path: Path) -> None:
    authority = trustme.CA()
    pem = tmp_path / "site.pem"
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(pem)
    context = ssl.create_default_context()
    authority.configure_trust(context)
    async with (
        shop(kind, tmp_path, pem) as served,
        client_at("127.0.0.9", connector_ssl=context) as session,
    ):
        async with session.get(f"{served.url}/api/client") as response:
            assert await response.json() == ["127.0.0.9", f"{served.url}/api"]
        client = socketio.AsyncClient(reconnection=False, http_session=session)
        await client.connect(served.url, transports=["websocket"])
        assert (await client.call("where"))["content"] in ("one", "two")
        await client.disconnect()
