"""Hostile websockets and Engine.IO requests."""

import asyncio
import gc
import json
import socket
import struct
import zlib
from contextlib import suppress
from typing import Any

import aiohttp
import pytest

from rxkernel import (
    Application,
    HttpSettings,
)
from rxkernel.servers.socketio.session import Session
from tests.servers.conftest import Serve
from tests.servers.hostile import (
    BINARY,
    CLOSE,
    PING,
    POLLING,
    PONG,
    TEXT,
    TRANSPORTS,
    UNKNOWN,
    WEBSOCKET,
    Attack,
    OverPolling,
    OverWebsocket,
    Target,
    encode,
    one_shot,
    over_each_transport,
    wire,
)
from tests.servers.raw_http import post, raw_http
from tests.servers.socketio_clients import raw_socket
from tests.waiting import until, until_collected

# --- websockets


ECHO = b'421["echo",1]'


@pytest.mark.parametrize(
    ("frames", "status"),
    [
        pytest.param([encode(TEXT, ECHO, reserved=4)], 1002, id="reserved-bit-1"),
        pytest.param([encode(TEXT, ECHO, reserved=2)], 1002, id="reserved-bit-2"),
        pytest.param([encode(PING, reserved=1)], 1002, id="reserved-bit-3-in-control"),
        pytest.param([encode(TEXT, zlib.compress(ECHO)[2:-4], reserved=4)], 1002, id="compressed"),
        pytest.param([encode(PING, final=False)], 1002, id="control-in-fragments"),
        pytest.param([encode(PING, b"x" * 126)], 1002, id="control-too-long"),
        pytest.param([encode(3, ECHO)], 1002, id="opcode-3"),
        pytest.param([encode(11)], 1002, id="opcode-11"),
        pytest.param([encode(0, ECHO)], 1002, id="continuation-of-nothing"),
        pytest.param(
            [encode(TEXT, b"42", final=False), encode(TEXT, ECHO)],
            1002,
            id="message-within-a-message",
        ),
        pytest.param([encode(CLOSE, b"\x03")], 1002, id="half-a-close-status"),
        pytest.param([encode(CLOSE, struct.pack("!H", 999))], 1002, id="close-status-999"),
        pytest.param([encode(CLOSE, struct.pack("!H", 1005))], 1002, id="close-status-1005"),
        pytest.param([encode(CLOSE, struct.pack("!H", 2999))], 1002, id="close-status-2999"),
        pytest.param([encode(CLOSE, b"\x03\xe8\xff")], 1007, id="close-reason-no-utf-8"),
        pytest.param([encode(TEXT, b'42["\xff"]')], 1007, id="text-no-utf-8"),
        pytest.param([encode(TEXT, b'42["\xed\xa0\x80"]')], 1007, id="text-surrogate"),
        pytest.param(
            [encode(TEXT, b'42["\xc3', final=False), encode(0, b'"]')],
            1007,
            id="text-cut-in-a-character",
        ),
    ],
)
async def test_frame_invalid_closes_websocket(
    attack: Attack, frames: list[bytes], status: int
) -> None:
    """RFC 6455 sections 5.2 to 5.5, 7.4 and 8.1; the whole Autobahn suite takes minutes.

    aiohttp accepts frames without a mask, and a message inside of one with an empty beginning.
    """
    target = await attack()

    async with target.leaves_nothing(), wire(target.application) as hostile:
        hostile.write(*frames)
        assert await hostile.closed() == status


async def test_ping_between_fragments_gets_pong_and_text_is_whole(
    attack: Attack,
) -> None:
    """RFC 6455 section 5.4; a fragment may end within a character."""
    target = await attack()
    text = '421["echo","€"]'.encode()
    cut = text.index(b"\xe2") + 1

    async with wire(target.application) as client:
        client.write(encode(TEXT, text[:cut], final=False), encode(PING, b"p"))
        assert await client.frame() == (PONG, b"p")
        client.write(encode(0, final=False), encode(0, text[cut:]))
        assert await client.frame() == (TEXT, '431["€"]'.encode())


async def test_origin_not_allowed_gets_no_session(
    attack: Attack, session: aiohttp.ClientSession
) -> None:
    """Other origins: `tests/servers/http/test_cors.py`."""
    target = await attack()
    foreign = {"Origin": "https://evil.example"}

    async with session.get(f"{target.url}?{POLLING}", headers=foreign) as response:
        assert (response.status, json.loads(await response.text())["message"]) == (
            403,
            "Forbidden",
        )
    with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
        await session.ws_connect(f"{target.url}?{WEBSOCKET}", headers=foreign)
    assert len(target.engine.eio.sockets) == 1


def test_settings_any_origin_with_credentials_is_invalid() -> None:
    with pytest.raises(ValueError, match="allow_credentials must be false"):
        HttpSettings(origins=("*",), allow_credentials=True)


LARGE = {"socketio.max_payload": 1}


@pytest.mark.parametrize(
    "frames",
    [
        pytest.param([encode(TEXT, b"4" + b"x" * 1000)], id="message"),
        pytest.param([encode(BINARY, b"x" * 1001)], id="binary"),
        pytest.param([encode(TEXT, b"4", length=1001)], id="announced"),
        pytest.param([encode(TEXT, b"4", length=2**62)], id="announced-more-than-there-is"),
        pytest.param([encode(TEXT, b"4", length=2**63)], id="announced-negative"),
        pytest.param(
            [encode(TEXT, b"4" * 600, final=False), encode(0, b"x" * 600, final=False)],
            id="fragments",
        ),
    ],
)
async def test_websocket_message_above_limit_closes_with_1009(
    attack: Attack, frames: list[bytes]
) -> None:
    target = await attack(max_payload=1000)

    async with target.leaves_nothing(LARGE), wire(target.application) as hostile:
        hostile.write(*frames)
        assert await hostile.closed() == 1009


@over_each_transport
async def test_message_at_limit_is_received(attack: Attack, transport: str) -> None:
    target = await attack(max_payload=1000)
    text = "x" * (1000 - len('420["echo",""]'))

    async with target.client(transport) as client:
        await client.send(f'420["echo","{text}"]')
        assert await client.receive() == f'430["{text}"]'


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        pytest.param(b"4" * 1001, "identity", id="payload"),
        pytest.param(b"3\x1e" * 501, "identity", id="payload-of-small-packets"),
        pytest.param(zlib.compress(b"4" * 50_000_000), "deflate", id="deflate-bomb"),
    ],
)
async def test_payload_above_limit_is_400_and_closes_session(
    attack: Attack, body: bytes, encoding: str
) -> None:
    target = await attack(max_payload=1000)

    async with target.closes("polling", LARGE) as client:
        assert isinstance(client, OverPolling)
        await client.post(body, **{"Content-Encoding": encoding})


async def polling_path(application: Application) -> str:
    """Open a session; return the path for its POST requests."""
    path = "/socket.io/?EIO=4&transport=polling"
    async with raw_http(application) as client:
        await client.send(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        sid = json.loads((await client.answer()).body[1:])["sid"]
    return f"{path}&sid={sid}"


async def test_payload_above_limit_with_expect_gets_no_100(serve: Serve) -> None:
    application = await serve()
    path = await polling_path(application)

    async with raw_http(application) as client:
        await client.send(post(path, "Expect: 100-continue", "Content-Length: 200000000"))
        assert (await client.answer()).status == 400
    server: Any = application.servers["socketio"]
    assert server.counts == {"socketio.max_payload": 1}


async def test_payload_sent_slowly_is_rejected_at_timeout(serve: Serve) -> None:
    """``body_timeout`` applies to each body."""
    application = await serve(http={"body_timeout": 0.2})
    path = await polling_path(application)

    async with raw_http(application) as client:
        await client.send(post(path, "Content-Length: 1000"))
        answering = asyncio.create_task(client.answer())
        while not answering.done():
            await client.send(b"4")
            await asyncio.sleep(0.02)
        assert answering.result().status == 400
    server: Any = application.servers["socketio"]
    assert server.counts == {"http.body_timeout": 1}


async def test_compression_is_not_offered(attack: Attack) -> None:
    """Compression of a WebSocket uses 100 KiB of memory for each idle client."""
    target = await attack()
    asking = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"

    async with wire(target.application, "", WEBSOCKET, asking) as client:
        assert client.answer.startswith("HTTP/1.1 101 ")
        assert "Sec-WebSocket-Extensions" not in client.answer


# --- packets


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param("abc", id="no-packet"),
        pytest.param("", id="empty"),
        pytest.param("7", id="packet-type-7"),
        pytest.param("²", id="no-ascii-digit"),
        pytest.param('0{"sid":"x"}', id="open"),
        pytest.param("2", id="ping-of-a-client"),
        pytest.param("2probe", id="probe"),
        pytest.param("3probe", id="probe-answered"),
        pytest.param("5", id="upgrade"),
        pytest.param("6", id="noop"),
        pytest.param("1 ", id="close-with-text"),
        pytest.param("4" + "[" * 3000, id="brackets"),
        pytest.param("42" + "[" * 3000, id="deep-json-of-lists"),
        pytest.param('42["echo",' + '{"a":' * 100_000, id="deep-json-of-objects"),
        pytest.param('42["echo",' + "[" * 3000 + "]" * 3001, id="deep-json-that-ends-as-it-must"),
        pytest.param('42["echo",' + "[" * 64 + "]" * 65, id="depth-65"),
        pytest.param(b"", id="empty-binary"),
        pytest.param(b'42["echo",1]', id="binary-where-text-is-due"),
    ],
)
async def test_packet_invalid_closes_session(attack: Attack, frame: str | bytes) -> None:
    """Plain python-socketio keeps session and rooms until the ping timeout."""
    target = await attack()

    for transport in TRANSPORTS:
        async with target.closes(transport) as client:
            await client.send(frame)


@over_each_transport
@pytest.mark.parametrize("connect", ["", "40"], ids=["at-once", "connected"])
async def test_packets_after_close_are_ignored(
    attack: Attack, transport: str, connect: str
) -> None:
    """Plain python-socketio keeps a room for each such client forever."""
    target = await attack()

    async with (
        target.leaves_nothing({}, logged=0, came=1 if connect else 0),
        target.client(transport, connect) as client,
    ):
        await client.send("1", "40", '42["echo"]', "abc")
        if isinstance(client, OverWebsocket):
            await client.closed()
        else:
            assert client.statuses[-1] == 200, "the close packet was not handled"
            assert await client.post("40") == 400


async def test_close_packet_ends_session_at_once(attack: Attack) -> None:
    """The client neither disconnects nor replies to the close frame of the server."""
    target = await attack()

    async with target.leaves_nothing({}, logged=0), wire(target.application) as hostile:
        hostile.write(encode(TEXT, b"1"))
        assert await hostile.frame() == (CLOSE, struct.pack("!H", 1001))
        await until(lambda: len(target.engine.connections) == 1)
        assert await hostile.closed() is None


async def test_close_packet_responds_to_waiting_poll(attack: Attack) -> None:
    target = await attack()

    async with target.leaves_nothing({}, logged=0), target.client("polling") as client:
        assert isinstance(client, OverPolling)
        poll = asyncio.ensure_future(client.receive())
        await until(lambda: is_polled(target))
        assert await client.post("1") == 200
        assert await poll == "6"


def is_polled(target: Target) -> bool:
    """Whether a poll waits for packets."""
    sessions = target.engine.eio.sockets.values()
    return any(one.polling is not None and one.polling.is_waiting for one in sessions)


# --- long polling


async def test_payload_in_pieces_is_read_whole(attack: Attack) -> None:
    """Plain python-engineio responds with 200 and loses all pieces but the first."""
    target = await attack()
    body = ('421["echo","' + "é" * 1000 + '"]').encode()
    pieces = [body[:20], body[20:151], body[151:]]  # the second begins within a character

    async with target.client("polling") as client:
        assert isinstance(client, OverPolling)
        async with target.posts(client, f"Content-Length: {len(body)}") as (reader, writer):
            for piece in pieces:
                writer.write(piece)
                await target.witness.is_served()  # the server has read the piece by then
            assert b"200 OK" in await reader.readline()
        assert (await client.receive()).startswith('431["é')


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"abc", id="no-packet"),
        pytest.param(b"", id="nothing"),
        pytest.param(b"bnot base64!", id="no-base64"),
        pytest.param(
            b'451-["echo",{"_placeholder":true,"num":0}]\x1eb!!!!', id="attachment-no-base64"
        ),
        pytest.param(b"b", id="empty-binary"),
        pytest.param(b"40/n,\x1e42{}", id="the-second-is-bad"),
        pytest.param(b'42["echo"]\x1e', id="separator-at-the-end"),
        pytest.param(b"\x1e" * 1_000_000, id="a-million-separators"),
        pytest.param(b"\x1e".join([b"3"] * 16 + [b""]), id="the-seventeenth-is-empty"),
        pytest.param(b'42["\xff"]', id="payload-no-utf-8"),
    ],
)
async def test_payload_invalid_is_400_and_closes_session(attack: Attack, body: bytes) -> None:
    """Plain python-engineio responds with 200 and keeps the session."""
    target = await attack()

    async with target.closes("polling") as client:
        assert isinstance(client, OverPolling)
        await client.post(body)


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        pytest.param(("Content-Encoding: gzip", "Content-Length: 7"), b"no gzip", id="no-gzip"),
        pytest.param(
            ("Content-Encoding: deflate", "Content-Length: 10"), b"no deflate", id="no-deflate"
        ),
        pytest.param(
            ("Content-Encoding: deflate", "Content-Length: 10"),
            zlib.compress(b"4" * 200)[:10],
            id="ends-early",
        ),
    ],
)
async def test_payload_invalid_content_coding_is_400_and_closes_session(
    attack: Attack, headers: tuple[str, ...], body: bytes
) -> None:
    target = await attack()

    async with target.leaves_nothing(), target.client("polling") as client:
        assert isinstance(client, OverPolling)
        async with target.posts(client, *headers) as (reader, writer):
            await target.witness.is_served()  # the request has begun
            writer.write(body)
            async with asyncio.timeout(20):
                assert b" 400 " in await reader.readline()
        assert await client.post("3") == 400, "the session is still open"


async def test_client_disconnecting_within_payload_is_not_logged(attack: Attack) -> None:
    """Its session stays open until the client sends a request again or a ping timeout ends it."""
    target = await attack()

    async with target.leaves_nothing({}, logged=0), target.client("polling") as client:
        assert isinstance(client, OverPolling)
        requests = asyncio.all_tasks()
        async with target.posts(client, "Content-Length: 99") as (_, writer):
            writer.write(b"42[")
            await until(lambda: asyncio.all_tasks() - requests)
            await target.witness.is_served()
        await until(lambda: not asyncio.all_tasks() - requests)
        assert await client.post("1") == 200


async def test_polls_two_at_a_time_close_session(attack: Attack) -> None:
    target = await attack()

    async with target.leaves_nothing(), target.client("polling") as client:
        assert isinstance(client, OverPolling)
        first = asyncio.ensure_future(client.receive())
        await until(lambda: is_polled(target))
        async with client.http.get(client.url) as second:
            assert second.status == 400
        assert await first == "1"


async def test_other_transport_after_upgrade_is_rejected(attack: Attack) -> None:
    """Polls and a second WebSocket are rejected, and the first WebSocket is not affected."""
    target = await attack()

    async with target.leaves_nothing({}, logged=0), target.client("polling") as client:
        assert isinstance(client, OverPolling)
        upgrading = client.url.replace(POLLING, WEBSOCKET)
        async with client.http.ws_connect(upgrading) as first:
            await first.send_str("2probe")
            assert await first.receive_str() == "3probe"
            async with client.http.ws_connect(upgrading) as second:  # during the upgrade
                assert (await second.receive()).data == 1008
            await first.send_str("5")
            await until(lambda: all(s.is_websocket for s in target.engine.eio.sockets.values()))
            async with client.http.ws_connect(upgrading) as third:
                assert (await third.receive()).data == 1008
            for method in ("GET", "POST"):
                async with client.http.request(method, client.url, data="42{}") as response:
                    assert response.status == 400
            await first.send_str('421["echo",1]')
            assert await first.receive_str() == "431[1]"


@pytest.mark.parametrize("method", ["GET", "POST", "websocket"])
@pytest.mark.parametrize(
    "sid",
    [
        pytest.param("a" * 20, id="guessed"),
        pytest.param("", id="empty"),
        pytest.param("__proto__", id="proto"),
        pytest.param("%0AWARNING forged", id="new-line"),
        pytest.param("%00", id="nul"),
        pytest.param("%ed%a0%80", id="surrogate"),
        pytest.param("..%2f..%2fetc%2fpasswd", id="path"),
        pytest.param("x" * 4000, id="long"),
    ],
)
async def test_sid_unknown_is_400_with_same_body(attack: Attack, method: str, sid: str) -> None:
    """Plain python-engineio echoes the sid, and logs it with its line breaks."""
    target = await attack()
    transport = WEBSOCKET if method == "websocket" else POLLING

    async with target.leaves_nothing({}, logged=0, came=0), one_shot() as http:
        url = f"{target.url}?{transport}&sid={sid}"
        if method == "websocket":
            with pytest.raises(aiohttp.WSServerHandshakeError, match="400"):
                await http.ws_connect(url)
            return
        async with http.request(method, url) as response:
            assert (response.status, await response.text()) == (400, UNKNOWN)


async def test_sid_of_a_megabyte_is_414(attack: Attack) -> None:
    """The request line is too long; aiohttp rejects it before Socket.IO sees the request."""
    target = await attack()
    before = target.state()

    reader, writer = await asyncio.open_connection(target.server.host, target.server.port)
    writer.write(b"GET /socket.io/?EIO=4&transport=polling&sid=" + b"x" * 1_000_000)
    writer.write(b" HTTP/1.1\r\nHost: x\r\n\r\n")
    async with asyncio.timeout(20):
        assert b" 414 " in await reader.readline()
    writer.transport.abort()
    assert target.state() == before
    await target.witness.is_served()


async def test_sid_of_other_websocket_is_rejected(attack: Attack) -> None:
    target = await attack()
    (sid,) = target.engine.eio.sockets

    async with target.leaves_nothing({}, logged=0, came=0), one_shot() as http:
        for method in ("GET", "POST"):
            async with http.request(
                method, f"{target.url}?{POLLING}&sid={sid}", data="41"
            ) as response:
                assert response.status == 400
        async with http.ws_connect(f"{target.url}?{WEBSOCKET}&sid={sid}") as socket:
            assert (await socket.receive()).data == 1008


async def test_sid_of_connection_is_not_a_session(attack: Attack) -> None:
    """Other clients may know the id of a connection; the id of a session is a secret."""
    target = await attack()
    (connection,) = target.engine.connections
    assert connection not in target.engine.eio.sockets


# --- sessions: their number and their end


@pytest.mark.parametrize(
    ("setting", "status"),
    [
        pytest.param("max_sessions", 503, id="in-all"),
        pytest.param("max_sessions_per_address", 429, id="of-one-address"),
    ],
)
async def test_handshakes_above_limit_are_rejected(
    attack: Attack, setting: str, status: int
) -> None:
    """Plain python-engineio opens a session for each handshake."""
    target = await attack(**{setting: 11})  # one of them is the witness
    counted = {f"socketio.{setting}": 491}

    async with target.leaves_nothing(counted, logged=1, came=0), one_shot() as http:

        async def handshake() -> str | None:
            async with http.get(f"{target.url}?{POLLING}") as response:
                text = await response.text()
                if response.status == 200:
                    return str(json.loads(text[1:])["sid"])
                assert response.status == status
                assert response.content_type == "application/json"
                assert int(response.headers["Retry-After"]) > 0
                assert json.loads(text).keys() == {"code", "message"}
                return None

        sids = [sid for sid in await asyncio.gather(*(handshake() for _ in range(500))) if sid]
        assert len(sids) == 10
        with pytest.raises(aiohttp.WSServerHandshakeError, match=str(status)):
            await http.ws_connect(f"{target.url}?{WEBSOCKET}")
        await target.witness.is_served()
        for sid in sids:
            async with http.post(f"{target.url}?{POLLING}&sid={sid}", data="1") as response:
                assert response.status == 200
        again = await handshake()
        assert again is not None, "an ended session still counts"
        async with http.post(f"{target.url}?{POLLING}&sid={again}", data="1"):
            pass


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"", id="no-key"),
        pytest.param(b"Sec-WebSocket-Key: short\r\n", id="bad-key"),
        pytest.param(b"Sec-WebSocket-Version: 99\r\n", id="bad-version"),
    ],
)
async def test_handshake_aborted_frees_its_session(attack: Attack, sent: bytes) -> None:
    target = await attack(max_sessions=2)

    async with target.leaves_nothing({}, logged=0, came=0):
        for _ in range(5):
            reader, writer = await asyncio.open_connection(target.server.host, target.server.port)
            writer.write(
                f"GET /socket.io/?{WEBSOCKET} HTTP/1.1\r\nHost: x\r\n"
                "Connection: Upgrade\r\nUpgrade: websocket\r\n".encode()
                + sent
                + b"\r\n"
            )
            async with asyncio.timeout(20):
                assert b" 400 " in await reader.readline()
            writer.transport.abort()
    async with target.client("websocket"):
        pass


async def test_client_disconnecting_in_handshake_frees_its_session(attack: Attack) -> None:
    """By a reset, before the response can be written."""
    target = await attack(max_sessions=2)
    head = (
        f"GET /socket.io/?{WEBSOCKET} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"
        "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )

    async with target.leaves_nothing({}, logged=0, came=0):
        for _ in range(5):
            client = socket.create_connection((target.server.host, target.server.port))
            client.sendall(head.encode())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()
            await target.witness.is_served()
            await until(lambda: target.is_alone)
    async with target.client("websocket"):
        pass


@over_each_transport
async def test_client_without_namespace_is_closed(attack: Attack, transport: str) -> None:
    """Also if it responds to every ping. Plain python-socketio waits forever."""
    target = await attack(connect_timeout=0.2, ping_interval=0.02)

    async with (
        target.leaves_nothing({"socketio.connect_timeout": 1}, came=0),
        target.client(transport, "") as client,
    ):
        if isinstance(client, OverWebsocket):
            await client.closed()
            return
        while (polled := await client.poll())[0] == 200 and not polled[1].endswith("1"):
            assert polled[1] == "2"
            await client.post("3")


@over_each_transport
async def test_client_rejected_by_namespace_is_closed(attack: Attack, transport: str) -> None:
    """Any number of rejected attempts does not extend the timeout."""
    target = await attack(connect_timeout=0.2, max_rate=1e9)

    async with (
        target.leaves_nothing({"socketio.connect_timeout": 1}, came=0),
        target.client(transport, "") as client,
    ):
        if isinstance(client, OverPolling):
            while await client.post("40/nowhere,") == 200:
                await client.poll()
            return
        while client.raw.close_code is None:
            await client.send("40/nowhere,")
            await client.raw.receive()


@over_each_transport
async def test_pongs_not_expected_are_rate_limited(attack: Attack, transport: str) -> None:
    """python-engineio before 4.13.2 started a heartbeat for each PONG (CVE-2026-48802)."""
    target = await attack(max_rate=2.0)

    async with target.client(transport) as client:
        tasks = asyncio.all_tasks()
        await client.send(*["3"] * 5)
        await client.send('421["echo",1]')
        assert await client.receive() == "431[1]"
        assert asyncio.all_tasks() <= tasks
        assert target.server.counts["socketio.max_rate"] > 0
        assert len(target.caplog.records) == 1
        await target.witness.is_served()


async def test_pong_before_ping_does_not_count(attack: Attack) -> None:
    target = await attack(ping_interval=0.1, ping_timeout=0.4)

    async with target.leaves_nothing({}, logged=0), wire(target.application) as hostile:
        hostile.write(*[encode(TEXT, b"3")] * 100)
        assert await hostile.closed() == 1001


async def test_pongs_do_not_delay_next_ping(attack: Attack) -> None:
    target = await attack(ping_interval=0.1)

    async with wire(target.application) as hostile:
        frame = asyncio.ensure_future(hostile.frame())

        def pong_and_check() -> bool:
            hostile.write(encode(TEXT, b"3"))
            return frame.done()

        await until(pong_and_check)
        assert await frame == (TEXT, b"2")


@pytest.mark.parametrize(
    ("method", "query", "message"),
    [
        pytest.param("GET", f"{POLLING}&j=0", "Bad request", id="jsonp"),
        pytest.param("GET", f"{POLLING}&j=", "Bad request", id="jsonp-empty"),
        pytest.param("GET", f"{POLLING}&j=0&sid=x", "Bad request", id="jsonp-poll"),
        pytest.param("POST", f"{POLLING}&j=0&sid=x", "Bad request", id="jsonp-post"),
        pytest.param("GET", "EIO=3&transport=polling", "Unsupported protocol version", id="EIO-3"),
        pytest.param("GET", "transport=polling", "Unsupported protocol version", id="no-EIO"),
        pytest.param(
            "GET",
            "EIO=%D9%A4&transport=polling",
            "Unsupported protocol version",
            id="EIO-no-ascii-digit",
        ),
        pytest.param(
            "GET",
            "EIO=abc&transport=polling",
            "Unsupported protocol version",
            id="EIO-no-number",
        ),
        pytest.param("GET", "EIO=4", "Transport unknown", id="no-transport"),
        pytest.param("GET", "EIO=4&transport=abc", "Transport unknown", id="unknown-transport"),
        pytest.param(
            "GET", "EIO=4&transport=__class__", "Transport unknown", id="dunder-transport"
        ),
        pytest.param("GET", WEBSOCKET, "Bad request", id="websocket-without-upgrade"),
        pytest.param("POST", POLLING, "Bad handshake method", id="POST"),
        pytest.param("PUT", POLLING, "Bad handshake method", id="PUT"),
        pytest.param("DELETE", POLLING, "Bad handshake method", id="DELETE"),
        pytest.param("PATCH", POLLING, "Bad handshake method", id="PATCH"),
    ],
)
async def test_handshake_invalid_is_400(
    attack: Attack, method: str, query: str, message: str
) -> None:
    target = await attack()

    async with (
        target.leaves_nothing({}, logged=0, came=0),
        one_shot() as http,
        http.request(method, f"{target.url}?{query}") as response,
    ):
        assert response.status == 400
        assert json.loads(await response.text())["message"] == message


async def test_payload_of_seventeen_packets_is_received(attack: Attack) -> None:
    """The client of npm has no limit of packets; only the client of python-engineio has 16."""
    target = await attack()

    async with target.client("polling") as client:
        assert isinstance(client, OverPolling)
        await client.send(*(f'42{number}["echo",{number}]' for number in range(17)))
        assert client.statuses[-1] == 200
        answers: list[str] = []
        while len(answers) < 17:
            answers += (await client.receive()).split("\x1e")
        assert answers == [f"43{number}[{number}]" for number in range(17)]


@pytest.mark.parametrize("method", ["PUT", "DELETE", "HEAD", "PATCH"])
async def test_method_not_allowed_keeps_session(attack: Attack, method: str) -> None:
    target = await attack()

    async with target.client("polling") as client:
        assert isinstance(client, OverPolling)
        async with client.http.request(method, client.url, data="1") as response:
            assert response.status == 400
        await client.send('421["echo",1]')
        assert await client.receive() == "431[1]"


class TestVanishedClient:
    """A client that vanishes without a FIN: the connection stays, and nothing is received."""

    async def test_vanished_websocket_client_ends_by_ping_timeout(self, attack: Attack) -> None:
        target = await attack(ping_interval=0.1, ping_timeout=0.4)

        async with target.leaves_nothing({}, logged=0), wire(target.application) as silent:
            silent.stop_reading()
            await until(lambda: target.is_alone)

    async def test_vanished_polling_client_ends_by_ping_timeout(self, attack: Attack) -> None:
        target = await attack(ping_interval=0.1, ping_timeout=0.4)

        async with target.leaves_nothing({}, logged=0), target.client("polling"):
            await until(lambda: target.is_alone)

    async def test_vanished_client_with_waiting_poll_ends_by_ping_timeout(
        self, attack: Attack
    ) -> None:
        """The poll receives the PING, and the client sends no PONG."""
        target = await attack(ping_interval=0.1, ping_timeout=0.4)

        async with target.leaves_nothing({}, logged=0), target.client("polling") as client:
            assert isinstance(client, OverPolling)
            assert await client.receive() == "2"
            assert await client.receive() == "1"

    @over_each_transport
    async def test_vanished_client_with_hanging_events_ends_by_stall_timeout(
        self, attack: Attack, transport: str
    ) -> None:
        """The server does not read the client then, so the missing PONG does not count, but
        ``stall_timeout`` does. A polling client has not even fetched the PING.
        """
        target = await attack(
            ping_interval=0.1, ping_timeout=0.4, stall_timeout=0.5, concurrency=1, max_waiting=1
        )
        counted = {"socketio.max_waiting": 1}
        if transport == "websocket":
            counted["socketio.stall_timeout"] = 1

        async with (
            target.leaves_nothing(counted, logged=len(counted)),
            target.client(transport) as client,
        ):
            sending = asyncio.ensure_future(client.send(*['42["hang",1]'] * 5))
            await until(lambda: target.events.started)
            await until(lambda: target.is_alone)
            target.events.open.set()
            await sending

    async def test_vanished_client_with_hanging_events_and_fin_ends(self, attack: Attack) -> None:
        """The client cannot send a PONG any more, so this is not counted as a stall."""
        target = await attack(ping_interval=0.1, ping_timeout=0.4, concurrency=1, max_waiting=1)

        async with (
            target.leaves_nothing({"socketio.max_waiting": 1}),
            raw_socket(target.application) as raw,
        ):
            await raw.send(*['42["hang",1]'] * 5)
            await until(lambda: target.server.counts["socketio.max_waiting"])
            raw.vanish()
            await until(lambda: target.is_alone)
            target.events.open.set()

    @over_each_transport
    async def test_vanished_client_with_few_hanging_events_ends(
        self, attack: Attack, transport: str
    ) -> None:
        """The server reads the client, so the missing PONG counts."""
        target = await attack(ping_interval=0.1, ping_timeout=0.4)

        async with target.leaves_nothing({}, logged=0), target.client(transport) as client:
            await client.send('42["hang",1]')
            await until(lambda: target.is_alone)
            target.events.open.set()

    async def test_vanished_client_above_rate_ends(self, attack: Attack) -> None:
        """A client that is slowed down by the rate limit still has a ping timeout."""
        target = await attack(
            ping_interval=0.1, ping_timeout=0.4, stall_timeout=0.5, max_rate=10.0
        )

        async with wire(target.application) as silent:
            silent.write(*[encode(TEXT, b"3")] * 10_000)
            silent.stop_reading()
            await until(lambda: target.is_alone)

    async def test_vanished_client_within_payload_ends(self, attack: Attack) -> None:
        """The session does not wait for the rest of it; ``body_timeout`` ends the request."""
        target = await attack(
            ping_interval=0.1, ping_timeout=0.4, stall_timeout=0.5, http={"body_timeout": 1.0}
        )

        async with target.client("polling") as client:
            assert isinstance(client, OverPolling)
            async with target.posts(client, "Content-Length: 99") as (reader, writer):
                writer.write(b"42[")
                await until(lambda: target.is_alone)
                async with asyncio.timeout(20):
                    assert b" 400 " in await reader.readline()


async def test_sessions_ended_are_freed(attack: Attack) -> None:
    """No timer, task or closure refers to one."""
    target = await attack()
    before = count_sessions()
    ends = ["1", "41", "abc", "42{}", '451-["echo",{"_placeholder":true,"num":0}]', ""]

    for transport in ("websocket", "polling"):
        for end in ends:
            async with target.client(transport) as client:
                await client.send(end)
                if isinstance(client, OverPolling):
                    await client.http.post(client.url, data="1")
                elif end == "41":
                    client.raw.vanish()
    await until(lambda: target.is_alone)
    target.presence.trace.clear()

    with suppress(TimeoutError):
        await until_collected(lambda: count_sessions() == before)
    assert count_sessions() == before


def count_sessions() -> int:
    gc.collect()
    return sum(isinstance(one, Session) for one in gc.get_objects())
