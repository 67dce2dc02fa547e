"""Socket.IO over TLS, on the port of HTTP and on its own; clients verify the certificate."""

from pathlib import Path
from typing import Any

import aiohttp
import pytest
import socketio
from socketio.exceptions import ConnectionError as ConnectionFailed

from rxkernel import Application, ConnectionEvent, Request, ServerEvents, observe, websocket
from tests.servers.conftest import Serve
from tests.servers.tls import Authority, tls_settings


class Echo:
    def __init__(self) -> None:
        self.sites: list[str | None] = []

    @websocket("echo")
    async def echo(self, request: Request) -> dict[str, Any]:
        return {"body": request.body, "base": request.base_url}

    @observe(ServerEvents.CONNECTED)
    async def connected(self, event: ConnectionEvent) -> None:
        self.sites.append(event.connection.site)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


async def echoed(application: Application, authority: Authority, transport: str) -> Any:
    """The acknowledgement of ``echo`` for a large message."""
    connector = aiohttp.TCPConnector(ssl=authority.client())
    async with aiohttp.ClientSession(connector=connector) as session:
        client = socketio.AsyncClient(reconnection=False, http_session=session)
        url = application.servers["socketio"].url
        await client.connect(url, transports=[transport], headers={"Origin": str(url)})
        try:
            return await client.call("echo", "a" * 300_000, timeout=20)
        finally:
            await client.disconnect()


@pytest.mark.parametrize("transport", ["websocket", "polling"])
@pytest.mark.parametrize("own_port", [False, True])
async def test_event_over_tls_is_handled(
    serve: Serve, authority: Authority, transport: str, own_port: bool
) -> None:
    tls = tls_settings(authority.issue("server", "127.0.0.1"))
    application = await serve(Echo, http={"tls": tls}, socketio={"port": 0} if own_port else None)
    url = application.servers["socketio"].url
    assert url is not None
    assert url.startswith("https://127.0.0.1:")
    assert (url == application.servers["http"].url) is not own_port

    acknowledgement = await echoed(application, authority, transport)

    assert acknowledgement["content"] == {"body": "a" * 300_000, "base": url}
    echo = application.injector.get(Echo)
    assert echo.sites == [url]


@pytest.mark.parametrize("own_port", [False, True])
async def test_client_that_does_not_trust_the_issuer_cannot_connect(
    serve: Serve, authority: Authority, tmp_path: Path, own_port: bool
) -> None:
    (tmp_path / "other").mkdir()
    tls = tls_settings(authority.issue("server", "127.0.0.1"))
    application = await serve(Echo, http={"tls": tls}, socketio={"port": 0} if own_port else None)

    with pytest.raises(ConnectionFailed):
        await echoed(application, Authority(tmp_path / "other"), "websocket")


async def test_page_of_the_same_host_without_tls_is_another_origin(
    serve: Serve, authority: Authority
) -> None:
    """The server terminates TLS itself, so it knows the scheme of its origin."""
    tls = tls_settings(authority.issue("server", "127.0.0.1"))
    application = await serve(Echo, http={"tls": tls})
    url = str(application.servers["socketio"].url)
    connector = aiohttp.TCPConnector(ssl=authority.client())

    async with aiohttp.ClientSession(connector=connector) as session:
        for origin, status in ((url, 200), (url.replace("https", "http"), 403)):
            target = f"{url}/socket.io/?EIO=4&transport=polling"
            async with session.get(target, headers={"Origin": origin}) as response:
                assert (response.status == 200) is (status == 200), origin
