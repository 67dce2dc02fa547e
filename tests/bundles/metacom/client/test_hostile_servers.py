"""Servers that break the protocol."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from aiohttp import WSMsgType, web

from bundles.metacom.client import Metacom, MetacomError
from tests.bundles.metacom.client.conftest import Peer, Scripted, serve
from tests.waiting import until

BAD_PACKETS: list[Any] = [
    "nope",
    "",
    "null",
    "[]",
    "5",
    "[" * 100_000,
    '{"type":"callback","id":1e400}',
    {"type": "callback"},
    {"type": "callback", "error": {"message": "Internal Server Error", "code": 500}},
    {"type": "callback", "id": [1], "result": 1},
    {"type": "callback", "id": {}, "error": None},
    {"type": "callback", "id": True, "result": 1},
    {"type": "callback", "id": "1", "result": 1},
    {"type": "callback", "id": 1.0, "result": 1},
    {"type": "callback", "id": 10**30, "result": 1},
    {"type": "callback", "id": -7, "error": []},
    {"type": ["callback"]},
    {"type": "call", "id": 1, "method": "a/b"},
    {"type": "event"},
    {"type": "event", "name": ["a/b"], "data": 1},
    {"type": "event", "name": "nobody/listens", "data": 1},
    {"type": "stream"},
    {"type": "stream", "id": -1, "name": 5, "size": 1},
    {"type": "stream", "id": -1, "name": "a", "size": -1},
    {"type": "stream", "id": "-1", "name": "a", "size": 1},
    {"type": "stream", "id": 2**31, "name": "a", "size": 1},
    {"type": "stream", "id": -1, "status": []},
    {"type": "stream", "id": -1, "status": "end"},
    {"type": "stream", "id": [], "status": "end"},
    {},
    b"",
    b"\x00\x00",
    b"\x00\x00\x00\x05data of no stream",
]


@pytest.mark.parametrize("packet", BAD_PACKETS, ids=lambda packet: repr(packet)[:60])
async def test_bad_packet_is_ignored(
    scripted: Scripted, caplog: pytest.LogCaptureFixture, packet: Any
) -> None:
    async def script(peer: Peer) -> None:
        call = await peer.receive()
        for _ in range(3):
            await peer.send(packet)
        await peer.respond(call, "fine")
        await peer.wait()

    async with Metacom(await scripted(script), timeout=20) as client:
        assert await client.call("a/b") == "fine"
    assert len(caplog.records) <= 1


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (None, 500, "Error"),
        ([], 500, "Error"),
        ({"code": [], "message": {}}, 500, "Error"),
        ({"code": "EARGA", "message": "text", "errors": 5}, "EARGA", "text"),
        ({"code": 10, "message": "text", "request_id": 5}, 10, "text"),
    ],
)
async def test_invalid_error_becomes_metacom_error(
    scripted: Scripted, error: Any, code: Any, message: str
) -> None:
    async def script(peer: Peer) -> None:
        call = await peer.receive()
        await peer.send({"type": "callback", "id": call["id"], "error": error})
        await peer.wait()

    async with Metacom(await scripted(script), timeout=20) as client:
        with pytest.raises(MetacomError) as raised:
            await client.call("a/b")
    assert (raised.value.code, raised.value.message) == (code, message)
    assert list(raised.value.errors) == []


async def test_second_callback_is_ignored(scripted: Scripted) -> None:
    async def script(peer: Peer) -> None:
        async for call in peer.calls():
            for result in (call["method"], "again"):
                await peer.respond(call, result)

    async with Metacom(await scripted(script), timeout=20) as client:
        assert await client.call("a/b") == "a/b"
        assert await client.call("a/c") == "a/c"


async def test_callback_without_result_is_none(scripted: Scripted) -> None:
    """JSON.stringify of Node omits undefined."""

    async def script(peer: Peer) -> None:
        call = await peer.receive()
        await peer.send({"type": "callback", "id": call["id"]})
        await peer.wait()

    async with Metacom(await scripted(script), timeout=20) as client:
        assert await client.call("a/b") is None


async def test_huge_message_breaks_connection(scripted: Scripted) -> None:
    async def script(peer: Peer) -> None:
        if peer.number == 1:
            await peer.respond(await peer.receive(), "x" * 2_000)
        await peer.echo()

    async with Metacom(await scripted(script), timeout=20, max_size=1_000) as client:
        with pytest.raises(ConnectionError, match="1000"):
            await client.call("a/b")
        assert await client.call("a/b") == "a/b"


async def test_server_that_never_responds_times_out(scripted: Scripted) -> None:
    async with Metacom(await scripted(Peer.wait), timeout=1.0) as client:
        with pytest.raises(TimeoutError, match="no response to 'a/b'"):
            await client.call("a/b", timeout=0.05)
        with pytest.raises(TimeoutError, match="no response to 'system/introspect'"):
            await client.load("a")


async def test_handshake_without_response_times_out() -> None:
    release = asyncio.Event()

    async def handle(request: web.Request) -> web.Response:
        await release.wait()
        return web.Response()

    application = web.Application()
    application.router.add_get("/", handle)
    async with AsyncExitStack() as stack:
        port = await serve(stack, application)
        with pytest.raises(ConnectionError, match=r"cannot connect .* no response for 0\.05 s"):
            await Metacom.connect(f"ws://127.0.0.1:{port}/", timeout=0.05)
        release.set()


async def test_server_that_does_not_respond_to_pings_is_reconnected(scripted: Scripted) -> None:
    connections = []

    async def script(peer: Peer) -> None:
        connections.append(peer.number)
        while (await peer.websocket.receive()).type in (WSMsgType.PING, WSMsgType.TEXT):
            pass

    url = await scripted(script, autoping=False)
    async with Metacom(url, heartbeat=0.05, max_reconnect_delay=0.01, timeout=20) as client:
        with pytest.raises(ConnectionError, match="does not respond to pings"):
            await client.call("a/b")
        await until(lambda: len(connections) > 1)


async def test_idle_connection_is_kept_by_pings(scripted: Scripted) -> None:
    connections = []
    pinged = asyncio.Event()

    async def script(peer: Peer) -> None:
        connections.append(peer.number)
        for _ in range(2):
            message = await peer.websocket.receive(timeout=20)
            assert message.type is WSMsgType.PING
            await peer.websocket.pong(message.data)
        pinged.set()
        await peer.echo()

    url = await scripted(script, autoping=False)
    async with Metacom(url, heartbeat=1.0, timeout=20) as client:
        await asyncio.wait_for(pinged.wait(), 20)
        assert await client.call("a/b") == "a/b"
    assert connections == [1]


async def test_introspection_that_is_not_an_object_raises(scripted: Scripted) -> None:
    async def script(peer: Peer) -> None:
        results: list[Any] = [5, {"a": 5}, {"a": {"b": None}}]
        async for call in peer.calls():
            await peer.respond(call, results.pop(0))

    async with Metacom(await scripted(script), timeout=20) as client:
        with pytest.raises(ConnectionError, match="is not an object"):
            await client.load("a")
        with pytest.raises(LookupError, match="no unit 'a'"):
            await client.load("a")
        await client.load("a")
        assert dir(client.api) == ["a"]


async def test_client_of_server_that_does_not_read_can_be_closed() -> None:
    """The upload fills all buffers. Closing drops them, with the socket of the client."""
    release = asyncio.Event()

    async def handle(request: web.Request) -> web.WebSocketResponse:
        websocket = web.WebSocketResponse()
        await websocket.prepare(request)
        await release.wait()
        return websocket

    application = web.Application()
    application.router.add_get("/", handle)
    async with AsyncExitStack() as stack:
        port = await serve(stack, application)
        before = open_files()
        async with (
            asyncio.timeout(20),
            Metacom(f"ws://127.0.0.1:{port}/", timeout=1.0) as client,
        ):
            id = await client.upload("a", bytes(50_000_000))
            with pytest.raises(TimeoutError):
                await client.call("a/b", {"id": id})
            with pytest.raises(TimeoutError):
                await client.call("a/c", {"text": "x" * 1_000_000})
        await until(lambda: open_files() == before + 1)  # the socket of the server
        release.set()


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
