"""The settings ``socketio.transports`` and ``socketio.cookie``."""

import json

import aiohttp
import pytest

from rxkernel import SocketioSettings
from tests.servers.conftest import Serve

UNKNOWN = {"code": 0, "message": "Transport unknown"}


async def test_transport_that_is_not_listed_is_unknown(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    """Like engine.io of Node."""
    app = await serve(socketio={"transports": ("polling",)})
    url = f"{app.servers['socketio'].url}/socket.io/?EIO=4&transport="
    async with session.get(f"{url}polling") as response:
        handshake = json.loads((await response.text())[1:])
        assert "Set-Cookie" not in response.headers
    assert handshake["upgrades"] == []
    for query in ("websocket", f"websocket&sid={handshake['sid']}"):
        async with session.get(url + query) as response:
            assert (response.status, json.loads(await response.text())) == (400, UNKNOWN)


async def test_transport_websocket_only_rejects_polling(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    app = await serve(socketio={"transports": ("websocket",)})
    url = f"{app.servers['socketio'].url}/socket.io/?EIO=4&transport="
    async with session.get(f"{url}polling") as response:
        assert (response.status, json.loads(await response.text())) == (400, UNKNOWN)
    async with session.ws_connect(f"{url}websocket") as websocket:
        assert (await websocket.receive_str()).startswith("0{")


@pytest.mark.parametrize("transport", ["polling", "websocket"])
async def test_cookie_contains_the_id_of_the_session(
    serve: Serve, session: aiohttp.ClientSession, transport: str
) -> None:
    app = await serve(socketio={"cookie": "io"})
    url = f"{app.servers['socketio'].url}/socket.io/?EIO=4&transport={transport}"
    if transport == "polling":
        async with session.get(url) as response:
            packet, cookie = await response.text(), response.headers["Set-Cookie"]
    else:
        async with session.ws_connect(url) as websocket:
            packet = await websocket.receive_str()
            cookie = websocket._response.headers["Set-Cookie"]  # aiohttp has no public name for it
    assert cookie == f"io={json.loads(packet[1:])['sid']}; Path=/; HttpOnly; SameSite=Lax"


@pytest.mark.parametrize(
    ("name", "value"), [("transports", ()), ("transports", ("tcp",)), ("cookie", "a b")]
)
def test_transports_or_cookie_invalid_is_an_error(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"{name} must be"):
        SocketioSettings(**{name: value})  # type: ignore[arg-type]
