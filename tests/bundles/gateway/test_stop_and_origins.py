"""The stop of a server, and its allowed origins: checks 39 and 40 of moleculer-io."""

import asyncio

import aiohttp
import pytest

from bundles.gateway import Gateway, action
from rxkernel import Application, ConfigurationError, HttpSettings
from tests.bundles.gateway.gateways import application_of, gateway, listening
from tests.servers.socketio_clients import raw_socket


# check 39
async def test_running_call_is_acknowledged_before_the_server_stops() -> None:
    entered, gate = asyncio.Event(), asyncio.Event()

    class Slow:
        @action("slow.wait", visibility="published")
        async def wait(self) -> str:
            entered.set()
            await gate.wait()
            return "done"

    application = application_of(Slow)
    await application.start()
    port = application.servers["http"].port
    async with raw_socket(application) as raw:
        await raw.send('421["call","slow.wait"]')
        await entered.wait()
        stopping = asyncio.create_task(application.stop())
        refused = ""
        while '"code":503' not in refused:  # until the server does not accept calls any more
            await raw.send('422["call","slow.unknown"]')
            refused = str(await raw.receive())
        assert refused.startswith('432[{"statusCode":503,"name":"ServiceUnavailableException"')
        gate.set()
        assert await raw.receive() == '431[null,"done"]'
        assert await raw.receive() is None
        await stopping
    async with await asyncio.start_server(lambda *_: None, "127.0.0.1", port):
        pass  # the port is free


async def opened(app: Application, origin: str | None) -> int:
    """Return the status of a handshake from a page of *origin*; None: not from a page."""
    headers = {} if origin is None else {"Origin": origin}
    url = f"{app.servers['socketio'].url}/socket.io/?EIO=4&transport=websocket"
    async with aiohttp.ClientSession() as session:
        try:
            async with session.ws_connect(url, headers=headers):
                return 101
        except aiohttp.WSServerHandshakeError as exc:
            return exc.status


# check 40
@pytest.mark.parametrize(
    ("allowed", "origin", "is_allowed"),
    [
        ("http://example.com", "http://example.com", True),
        ("http://example.com", "http://exam", False),
        ("http://example.com", "http://example.com.evil.org", False),
        ("http://example.com", None, True),
        ("http://*.example.com", "http://a.example.com", True),
        ("http://*.example.com", "http://a.b.example.com", True),
        ("http://*.example.com", "http://example.com", False),
    ],
)
async def test_origin_not_allowed_by_the_server_is_refused(
    allowed: str, origin: str | None, is_allowed: bool
) -> None:
    """A wildcard allows subdomains at every depth."""
    async with listening(http=HttpSettings(port=0, origins=(allowed,))) as app:
        status = await opened(app, origin)
    assert (status == 101) is is_allowed


# check 40
async def test_cors_of_a_gateway_is_an_error() -> None:
    hint = "origins are set for the whole server: remove it, and write the setting http.origins"
    wrong = gateway(call={"cors": {"origin": "*"}})
    wrong.namespaces = {"/": {**wrong.namespaces["/"], "cors": {}}}  # type: ignore[typeddict-unknown-key]
    with pytest.raises(ConfigurationError) as raised:
        await application_of(gateway=wrong).boot()
    assert raised.value.problems == (
        f"namespace '/' of the gateway Io has the unknown option 'cors'; {hint}",
        f"event 'call' in the namespace '/' of the gateway Io has the unknown option 'cors'; "
        f"{hint}",
    )

    class Io(Gateway):
        cors = {"origin": "*"}

    with pytest.raises(ConfigurationError, match=r"has the attribute 'cors'; origins"):
        await application_of(gateway=Io).boot()
