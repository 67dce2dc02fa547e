"""The rules of Engine.IO v4 and Socket.IO v5 that the official suites check, and then some.

Each test speaks the protocol by hand. "Closed" is awaited with heartbeats far away, so no
ping timeout can pass for it.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from rxkernel import (
    Acknowledgement,
    Application,
    Broadcaster,
    ConnectionEvent,
    Request,
    ServerEvents,
    observe,
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


class Presence:
    def __init__(self) -> None:
        self.trace: list[str] = []

    @observe(ServerEvents.CONNECTED)
    async def came(self, event: ConnectionEvent) -> None:
        self.trace.append("came")

    @observe(ServerEvents.DISCONNECTED)
    async def left(self, event: ConnectionEvent) -> None:
        self.trace.append("left")


@pytest_asyncio.fixture
async def application(serve: Serve) -> Application:
    return await serve(Protocol, listeners=[Presence])


@pytest.fixture
def url(application: Application) -> str:
    return application.servers["socketio"].url + "/socket.io/"


@pytest_asyncio.fixture
async def sid(url: str, session: aiohttp.ClientSession) -> str:
    """A polling session."""
    async with session.get(f"{url}?{POLLING}") as response:
        opened: dict[str, Any] = json.loads((await response.text())[1:])
    return str(opened["sid"])


@pytest_asyncio.fixture
async def no_trace(application: Application) -> AsyncIterator[None]:
    """Afterwards nothing is left: no session, connection, room or half a packet."""
    yield
    engine = application.servers["socketio"].engine
    await until(lambda: not engine.eio.sockets)
    left = (engine.environ, engine.connections, engine.manager.rooms, engine._binary_packet)
    assert left == ({}, {}, {}, {})
    trace = application.injector.get(Presence).trace
    assert trace.count("came") == trace.count("left")


async def test_the_handshake_says_what_a_client_needs(
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


@pytest.mark.parametrize(
    ("method", "query", "message"),
    [
        ("GET", "transport=polling", "Unsupported protocol version"),
        ("GET", "EIO=3&transport=polling", "Unsupported protocol version"),
        ("GET", "EIO=abc&transport=polling", "Unsupported protocol version"),
        ("GET", "EIO=4", "Transport unknown"),
        ("GET", "EIO=4&transport=abc", "Transport unknown"),
        ("GET", f"{POLLING}&j=0", "Bad request"),
        ("GET", "EIO=4&transport=websocket", "Bad request"),
        ("POST", POLLING, "Bad handshake method"),
        ("PUT", POLLING, "Bad handshake method"),
        ("GET", f"{POLLING}&sid=__proto__", "Session ID unknown"),
        ("POST", f"{POLLING}&sid=%0Ax", "Session ID unknown"),
        ("GET", f"{POLLING}&sid={'x' * 4000}", "Session ID unknown"),
    ],
)
async def test_a_request_without_a_session_is_refused_with_a_constant_answer(
    url: str, session: aiohttp.ClientSession, method: str, query: str, message: str
) -> None:
    async with session.request(method, f"{url}?{query}") as response:
        assert response.status == 400
        assert json.loads(await response.text())["message"] == message


@pytest.mark.usefixtures("no_trace")
@pytest.mark.parametrize(
    "body", ["abc", "", "\x1e" * 1000, "bnot base64!", "5", "2probe", "4[[[[", "47", "40\x1e42{}"]
)
async def test_a_bad_payload_is_400_and_closes(
    url: str, sid: str, session: aiohttp.ClientSession, body: str
) -> None:
    """Plain python-engineio answers 200 and keeps the session (ecosystem C10, C17)."""
    async with session.post(f"{url}?{POLLING}&sid={sid}", data=body) as response:
        answered = response.status
    async with session.get(f"{url}?{POLLING}&sid={sid}") as response:
        assert response.status == 400
    assert answered in (200, 400)


@pytest.mark.usefixtures("no_trace")
async def test_a_second_poll_closes_both(
    url: str, sid: str, session: aiohttp.ClientSession, application: Application
) -> None:
    first = asyncio.ensure_future(session.get(f"{url}?{POLLING}&sid={sid}"))
    (polled,) = application.servers["socketio"].engine.eio.sockets.values()
    await until(lambda: polled.polling.is_waiting)
    async with session.get(f"{url}?{POLLING}&sid={sid}") as second:
        assert second.status == 400
    assert await (await first).text() == "1"


@pytest.mark.usefixtures("no_trace")
async def test_a_client_that_closes_has_its_poll_released(
    url: str, sid: str, session: aiohttp.ClientSession, application: Application
) -> None:
    poll = asyncio.ensure_future(session.get(f"{url}?{POLLING}&sid={sid}"))
    (polled,) = application.servers["socketio"].engine.eio.sockets.values()
    await until(lambda: polled.polling.is_waiting)
    async with session.post(f"{url}?{POLLING}&sid={sid}", data="1") as response:
        assert await response.text() == "ok"
    assert await (await poll).text() == "6"
    async with session.post(f"{url}?{POLLING}&sid={sid}", data="40") as response:
        assert response.status == 400


async def test_an_upgrade_moves_what_waits_and_ends_polling(
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
        async with session.get(polling) as response:
            assert response.status == 400
        async with session.ws_connect(upgrading) as second:
            assert (await second.receive()).type == aiohttp.WSMsgType.CLOSE
        await socket.send_str('421["echo","still here"]')
        assert await socket.receive_str() == '431["still here"]'


async def test_only_one_websocket_upgrades_and_it_ends_with_its_session(
    url: str, sid: str, session: aiohttp.ClientSession
) -> None:
    upgrading = f"{url}?EIO=4&transport=websocket&sid={sid}"
    async with session.ws_connect(upgrading) as first:
        await first.send_str("2probe")
        assert await first.receive_str() == "3probe"
        async with session.ws_connect(upgrading) as second:
            assert (await second.receive()).type == aiohttp.WSMsgType.CLOSE
        async with session.post(f"{url}?{POLLING}&sid={sid}", data="1"):
            pass
        assert (await first.receive()).type == aiohttp.WSMsgType.CLOSE


async def test_an_upgrade_that_is_none_leaves_polling_as_it_was(
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
async def test_a_client_without_a_pulse_is_closed(
    serve: Serve, session: aiohttp.ClientSession, over_websocket: bool
) -> None:
    application = await serve(Protocol, socketio={"ping_interval": 0.05, "ping_timeout": 0.05})
    url = application.servers["socketio"].url + "/socket.io/?EIO=4&transport="
    if over_websocket:
        async with session.ws_connect(url + "websocket") as socket:
            frames = [message.data async for message in socket]
        assert frames[1] == "2"
    else:
        async with session.get(url + "polling") as response:
            await response.text()
    await until(lambda: not application.servers["socketio"].engine.eio.sockets)


async def test_a_pulse_keeps_it(serve: Serve, session: aiohttp.ClientSession) -> None:
    application = await serve(Protocol, socketio={"ping_interval": 0.02, "ping_timeout": 5.0})
    async with raw_socket(application, connect="") as raw:
        await raw.send("3", "3", "3")  # nobody asked for these
        for _ in range(5):
            assert await raw.socket.receive_str() == "2"
            await raw.send("3")


async def test_who_connects_to_nothing_is_closed(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    """Plain python-socketio waits for ever (ecosystem C14)."""
    application = await serve(Protocol, socketio={"connect_timeout": 0.05})

    async with raw_socket(application) as connected, raw_socket(application, "") as idle:
        assert await idle.receive() is None
        await connected.send('421["echo",1]')
        assert await connected.receive() == "431[1]"


@pytest.mark.usefixtures("no_trace")
@pytest.mark.parametrize(
    "frames",
    [
        ["abc"],
        [""],
        ["1"],
        ["4"],
        ["4abc"],
        ["47"],
        ["44{}"],
        ["42"],
        ["42{}"],
        ["42[]"],
        ["42[1]"],
        ['42[{"a":1}]'],
        ['42abc["echo"]'],
        ['42²["echo"]'],
        ['42{"a":1}["echo"]'],
        ['421["echo",1e999]'],
        ['421["echo",NaN]'],
        ["42" + "1" * 101 + '["echo"]'],
        [f'42{2**53}["echo"]'],
        ['42/other,["echo"]'],
        ["43[1]"],
        ["411"],
        ['459999999999-["echo"]'],
        ['4511-["echo"]'],
        ['450-["echo"]'],
        ['45["echo"]'],
        ['421-["echo"]'],
        ['451-["echo",{"_placeholder":true,"num":5}]', b"x"],
        ['451-["echo",{"_placeholder":true,"num":-1}]', b"x"],
        ['451-["echo",{"_placeholder":true,"num":"0"}]', b"x"],
        ['451-["echo",{"_placeholder":true,"num":true}]', b"x"],
        ['451-["echo"' + ',{"_placeholder":true,"num":0}' * 2 + "]", b"x"],
        ['451-["echo"]', b"x"],
        ['451-["echo",{"_placeholder":true,"num":0}]', '42["echo"]'],
        [b"nobody announced this"],
        ["4[" + "[" * 3000],
    ],
    ids=lambda frames: str(frames)[:40],
)
async def test_what_breaks_the_protocol_closes_at_once_and_leaves_nothing(
    application: Application, frames: list[str | bytes], caplog: pytest.LogCaptureFixture
) -> None:
    """Plain python-socketio ignores most of it (ecosystem C6, D3 to D7, D9)."""
    async with raw_socket(application) as other:
        async with raw_socket(application) as raw:
            await raw.send(*frames)
            assert await raw.receive() is None
        await other.send('421["echo",1]')
        assert await other.receive() == "431[1]"

    noted = [record for record in caplog.records if record.name.startswith("rxkernel")]
    assert len(noted) == (0 if frames == ["1"] else 1)
    assert not any(record.exc_info for record in noted)


@pytest.mark.usefixtures("no_trace")
async def test_attachments_above_the_limit_close(serve: Serve, application: Application) -> None:
    small = await serve(Protocol, socketio={"max_payload": 1000})
    places = ",".join(f'{{"_placeholder":true,"num":{n}}}' for n in range(3))

    async with raw_socket(small) as raw:
        await raw.send(f'453-["echo",{places}]', b"x" * 400, b"x" * 400, b"x" * 400)
        assert await raw.receive() is None
    async with raw_socket(small) as raw:
        await raw.send("4" + "x" * 2000)
        assert await raw.receive() is None


async def test_values_and_binary_are_acknowledged_as_they_are(application: Application) -> None:
    async with raw_socket(application) as raw:
        await raw.send('42456["echo",1,"2",{"3":[false]}]')
        assert await raw.receive() == '43456[1,"2",{"3":[false]}]'
        places = '{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}'
        await raw.send(f'452-789["echo",{places}]', b"\x01", b"\x02")
        assert [await raw.receive() for _ in range(3)] == [f"462-789[{places}]", b"\x01", b"\x02"]


async def test_an_unknown_namespace_is_refused_in_the_protocols_words(
    application: Application,
) -> None:
    async with raw_socket(application) as raw:
        await raw.send("40/random,")
        assert await raw.receive() == '44/random,{"message":"Invalid namespace"}'
        await raw.send('421["echo",1]')
        assert await raw.receive() == "431[1]"


async def test_a_namespace_without_events_can_be_named(serve: Serve) -> None:
    application = await serve(Protocol, socketio={"namespaces": ("/news",)})
    broadcaster = application.injector.get(Broadcaster)

    async with raw_socket(application, connect="") as raw:
        await raw.send("40/news,")
        assert str(await raw.receive()).startswith("40/news,{")
        await broadcaster.emit("headline", 1, namespace="/news")
        assert await raw.receive() == '42/news,["headline",1]'


async def test_compression_is_not_offered(url: str, session: aiohttp.ClientSession) -> None:
    """It costs 100 KiB per idle socket (ecosystem C5)."""
    websocket_url = f"{url}?EIO=4&transport=websocket"
    async with session.ws_connect(websocket_url, compress=15) as socket:
        assert not socket.compress


async def test_a_poll_is_answered_with_no_more_than_a_client_takes(
    application: Application, url: str, sid: str, session: aiohttp.ClientSession
) -> None:
    """python-engineio's client refuses a payload of more than 16 packets."""
    polling = f"{url}?{POLLING}&sid={sid}"
    events = "\x1e".join(f'42{number}["echo",{number}]' for number in range(40))
    async with session.post(polling, data=f"40\x1e{events}") as response:
        assert response.status == 200
    (connection,) = application.servers["socketio"].engine.connections.values()
    await connection.mailbox.settle()

    packets: list[str] = []
    while len(packets) < 41:
        async with session.get(polling) as response:
            got = (await response.text()).split("\x1e")
        assert len(got) <= 16
        packets += got
    assert packets[1:] == [f"43{number}[{number}]" for number in range(40)]


@pytest.mark.usefixtures("no_trace")
async def test_a_client_that_does_not_read_is_cut_off(application: Application) -> None:
    """Closing it must not wait for it."""
    async with raw_socket(application) as raw:
        (connection,) = application.servers["socketio"].engine.connections.values()
        await connection.emit("flood", "x" * 20_000_000)
        await raw.send("9")
        await until(lambda: not application.servers["socketio"].engine.eio.sockets)
        await application.servers["socketio"].engine.shutdown()
