"""The rules of Engine.IO v4 and Socket.IO v5 that the official suites check, and others.

Each test sends frames of the protocol itself. Invalid frames are tested in
`test_hostile_engineio` and `test_hostile_socketio`.
"""

import json
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from rxkernel import (
    Acknowledgement,
    Application,
    Broadcaster,
    Request,
    websocket,
)
from tests.servers.conftest import Serve
from tests.servers.socketio_clients import raw_socket
from tests.waiting import until

POLLING = "EIO=4&transport=polling"


class Protocol:
    @websocket("echo")
    async def echo(self, request: Request) -> Acknowledgement:
        body = request.body
        return Acknowledgement(*(body if isinstance(body, list) else [body]))


@pytest_asyncio.fixture
async def application(serve: Serve) -> Application:
    return await serve(Protocol)


@pytest.fixture
def url(application: Application) -> str:
    return f"{application.servers['socketio'].url}/socket.io/"


@pytest_asyncio.fixture
async def sid(url: str, session: aiohttp.ClientSession) -> str:
    """A polling session."""
    async with session.get(f"{url}?{POLLING}") as response:
        opened: dict[str, Any] = json.loads((await response.text())[1:])
    return str(opened["sid"])


async def test_handshake_contains_session_parameters(
    application: Application, url: str, session: aiohttp.ClientSession
) -> None:
    async with session.get(f"{url}?{POLLING}") as response:
        assert response.headers["Content-Type"] == "text/plain; charset=UTF-8"
        opened = json.loads((await response.text()).removeprefix("0"))

    assert opened.pop("sid")
    assert opened == {
        "upgrades": ["websocket"],
        "pingInterval": 25_000,
        "pingTimeout": 20_000,
        "maxPayload": 1_000_000,
    }


async def test_upgrade_moves_waiting_packets(
    url: str, sid: str, session: aiohttp.ClientSession
) -> None:
    polling = f"{url}?{POLLING}&sid={sid}"
    upgrading = f"{url}?EIO=4&transport=websocket&sid={sid}"
    async with session.ws_connect(upgrading) as socket:
        await socket.send_str("2probe")
        assert await socket.receive_str() == "3probe"
        async with session.get(polling) as response:
            assert await response.text() == "6"
        await socket.send_str("5")
        await socket.send_str("40")
        assert (await socket.receive_str()).startswith("40{")
        await socket.send_str('421["echo","still here"]')
        assert await socket.receive_str() == '431["still here"]'


async def test_upgrading_websocket_ends_with_session(
    url: str, sid: str, session: aiohttp.ClientSession
) -> None:
    upgrading = f"{url}?EIO=4&transport=websocket&sid={sid}"
    async with session.ws_connect(upgrading) as first:
        await first.send_str("2probe")
        assert await first.receive_str() == "3probe"
        async with session.post(f"{url}?{POLLING}&sid={sid}", data="1"):
            pass
        assert (await first.receive()).type == aiohttp.WSMsgType.CLOSE


async def test_upgrade_invalid_keeps_polling(
    url: str, sid: str, session: aiohttp.ClientSession
) -> None:
    async with session.ws_connect(f"{url}?EIO=4&transport=websocket&sid={sid}") as socket:
        await socket.send_str("40")
        assert (await socket.receive()).type == aiohttp.WSMsgType.CLOSE
    async with session.post(f"{url}?{POLLING}&sid={sid}", data="40"):
        pass
    async with session.get(f"{url}?{POLLING}&sid={sid}") as response:
        assert (await response.text()).startswith("40{")


@pytest.mark.parametrize("over_websocket", [True, False])
async def test_client_without_pong_is_closed(
    serve: Serve, session: aiohttp.ClientSession, over_websocket: bool
) -> None:
    application = await serve(Protocol, socketio={"ping_interval": 0.05, "ping_timeout": 0.05})
    url = f"{application.servers['socketio'].url}/socket.io/?EIO=4&transport="
    if over_websocket:
        async with session.ws_connect(url + "websocket") as socket:
            frames = [message.data async for message in socket]
        assert frames[1] == "2"
    else:
        async with session.get(url + "polling") as response:
            await response.text()
    await until(lambda: not application.servers["socketio"].engine.eio.sockets)


async def test_client_with_pong_stays_open(serve: Serve, session: aiohttp.ClientSession) -> None:
    application = await serve(Protocol, socketio={"ping_interval": 0.02, "ping_timeout": 5.0})
    async with raw_socket(application, connect="") as raw:
        await raw.send("3", "3", "3")  # not requested by the server
        for _ in range(5):
            assert await raw.socket.receive_str() == "2"
            await raw.send("3")


async def test_acknowledgement_values_and_binary_are_unchanged(application: Application) -> None:
    async with raw_socket(application) as raw:
        await raw.send('42456["echo",1,"2",{"3":[false]}]')
        assert await raw.receive() == '43456[1,"2",{"3":[false]}]'
        places = '{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}'
        await raw.send(f'452-789["echo",{places}]', b"\x01", b"\x02")
        assert [await raw.receive() for _ in range(3)] == [f"462-789[{places}]", b"\x01", b"\x02"]


async def test_namespace_in_settings_accepts_connections(serve: Serve) -> None:
    application = await serve(Protocol, socketio={"namespaces": ("/news",)})
    broadcaster = application.injector.get(Broadcaster)

    async with raw_socket(application, connect="") as raw:
        await raw.send("40/news,")
        assert str(await raw.receive()).startswith("40/news,{")
        await broadcaster.emit("headline", 1, namespace="/news")
        assert await raw.receive() == '42/news,["headline",1]'


async def test_poll_response_has_at_most_sixteen_packets(
    application: Application, url: str, sid: str, session: aiohttp.ClientSession
) -> None:
    """The client of python-engineio rejects a payload of more than 16 packets."""
    polling = f"{url}?{POLLING}&sid={sid}"
    events = "\x1e".join(f'42{number}["echo",{number}]' for number in range(40))
    async with session.post(polling, data=f"40\x1e{events}") as response:
        assert response.status == 200
    (connection,) = application.servers["socketio"].engine.connections.values()
    await connection.event_queue.join()

    packets: list[str] = []
    while len(packets) < 41:
        async with session.get(polling) as response:
            got = (await response.text()).split("\x1e")
        assert len(got) <= 16
        packets += got
    assert packets[1:] == [f"43{number}[{number}]" for number in range(40)]
