"""Native routes, WebSockets, TLS and uvloop on a shared port."""

import asyncio
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from rxkernel import (
    Application,
    CertificateFiles,
    ConfigurationError,
    HttpServer,
    HttpSettings,
    Request,
    Response,
    ServerConfigurationEvent,
    ServerEvents,
    Settings,
    SharedPort,
    WebSocket,
    http,
)
from tests.ports import reserved_port
from tests.servers.shared_port.sites import Sites, name_in_context, sites_on
from tests.servers.tls import Authority, tls_settings

PATHS = pytest.mark.parametrize("fast_path", [True, False], ids=["fast path", "aiohttp"])
NAMES = ("shop", "blog")


class Upgrades:
    """A WebSocket of a route, with the name of the application."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.server: HttpServer | None = None

    @http("GET", "/upgrade", "upgrade")
    async def upgrade(self, request: Request) -> Response:
        assert self.server is not None
        return await self.server.upgrade(request, self.accept)

    async def accept(self, socket: WebSocket) -> None:
        await socket.accept()
        await socket.send(f"{self.name} {name_in_context.get()}")
        await socket.receive()


def add_native_parts(sites: Sites, name: str) -> Application:
    parts = Upgrades(name)
    application = sites.add(name, f"{name}.example", controllers=[parts])

    async def respond(native: web.Request) -> web.Response:
        return web.Response(text=f"{name} {name_in_context.get()}")

    async def configure(event: ServerConfigurationEvent) -> None:
        server = event.server
        assert isinstance(server, HttpServer)
        parts.server = server
        server.mount("/mounted/{rest:path}", respond)
        server.websocket("/socket", parts.accept)

    application.dispatcher.add_listener(ServerEvents.CONFIGURE, configure)
    return application


@PATHS
async def test_native_routes_belong_to_the_application_of_the_host(fast_path: bool) -> None:
    sites = sites_on(fast_path=fast_path)
    for name in NAMES:
        add_native_parts(sites, name)

    async with sites.port, aiohttp.ClientSession(sites.port.url) as session:
        for name in (*NAMES, *NAMES):
            host = {"Host": f"{name}.example"}
            async with session.get("/mounted/x", headers=host) as response:
                assert await response.text() == f"{name} {name}"
            for path in ("/socket", "/upgrade"):
                async with session.ws_connect(path, headers=host) as socket:
                    assert await socket.receive_str() == f"{name} {name}"


@PATHS
@pytest.mark.parametrize("path", ["/socket", "/upgrade"])
async def test_websockets_of_stopped_application_are_closed_and_others_stay(
    fast_path: bool, path: str
) -> None:
    sites = sites_on(fast_path=fast_path)
    shop, _ = (add_native_parts(sites, name) for name in NAMES)

    async with sites.port, aiohttp.ClientSession(sites.port.url) as session:
        sockets = [
            await session.ws_connect(path, headers={"Host": f"{name}.example"}) for name in NAMES
        ]
        for socket in sockets:
            await socket.receive_str()
        async with asyncio.timeout(15):
            await shop.stop()
            closed = await sockets[0].receive()
        assert closed.data == aiohttp.WSCloseCode.GOING_AWAY
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await session.ws_connect(path, headers={"Host": "shop.example"})
        assert caught.value.status == 503
        assert not sockets[1].closed
        await sockets[1].close()


async def test_port_has_certificates_and_redirects(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with reserved_port() as redirect_port:
        pass
    tls = tls_settings(authority.issue("server"), redirect_port=redirect_port)
    sites = Sites(SharedPort(Settings(http=HttpSettings(port=0, tls=tls))))
    for name in NAMES:
        sites.add(name, f"{name}.example")

    connector = aiohttp.TCPConnector(ssl=authority.client())
    async with sites.port, aiohttp.ClientSession(connector=connector) as session:
        assert sites.port.url.startswith("https://")
        plain = f"http://127.0.0.1:{redirect_port}/name"
        for name in NAMES:
            host = {"Host": f"{name}.example"}
            # aiohttp's client compares the certificate with the header otherwise
            url = f"{sites.port.url}/name"
            async with session.get(url, headers=host, server_hostname="127.0.0.1") as response:
                assert await response.text() == name
            async with session.get(plain, headers=host, allow_redirects=False) as response:
                assert response.status == 308
                assert response.headers["Location"].startswith(f"https://{name}.example")
        async with session.get(plain, headers={"Host": "unknown.example"}) as response:
            assert response.status == 421
        sites.port.reload_certificates()


async def test_missing_certificate_is_reported_with_problems_of_applications(
    tmp_path: Path,
) -> None:
    files = CertificateFiles(certificate=tmp_path / "no.pem", key=tmp_path / "no.key")
    http = HttpSettings(port=0, tls=tls_settings(files))
    sites = Sites(SharedPort(Settings(http=http)))
    sites.add("shop")
    sites.add("blog")

    with pytest.raises(ConfigurationError) as caught:
        await sites.port.start()

    certificate, *_, hosts = caught.value.problems
    assert "no.pem" in certificate
    assert "shop and blog share a port" in hosts
