"""WebSockets that a rule forwards."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import WSMsgType, web

from tests.bundles.web.conftest import Site
from tests.bundles.web.proxy.conftest import forwarded_to, forwarded_to_bytes, settled
from tests.waiting import until

Serve = Callable[[web.Request], Awaitable[web.StreamResponse]]


def closed_with() -> tuple[list[int | None], Serve]:
    """A server that receives one message of each WebSocket, and the codes with which these were
    closed."""
    codes: list[int | None] = []

    async def serve(native: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(native)
        await socket.receive()
        codes.append(socket.close_code)
        return socket

    return codes, serve


async def echo(native: web.Request) -> web.StreamResponse:
    socket = web.WebSocketResponse(protocols=("chat", "other"))
    socket.headers["Set-Cookie"] = "a=1"
    await socket.prepare(native)
    async for message in socket:
        if message.data == "headers":
            await socket.send_json(dict(native.headers))
        elif message.data == "close":
            await socket.close(code=4321, message=b"bye")
        elif message.type is WSMsgType.TEXT:
            await socket.send_str(f"{message.data}!")
        else:
            await socket.send_bytes(message.data[::-1])
    return socket


# T74
async def test_websocket_is_forwarded_both_ways(site: Site) -> None:
    async with (
        forwarded_to(site, echo) as session,
        session.ws_connect("/there/chat?a=1", protocols=("new", "chat")) as socket,
    ):
        assert socket.protocol == "chat"
        await socket.send_str("hällo")
        assert await socket.receive_str() == "hällo!"
        await socket.send_bytes(b"abc")
        assert await socket.receive_bytes() == b"cba"
        large = "x" * 500_000
        await socket.send_str(large)
        assert await socket.receive_str() == f"{large}!"
        await socket.ping()
        await socket.send_str("after")
        assert await socket.receive_str() == "after!"


async def test_handshake_is_forwarded_with_its_headers(site: Site) -> None:
    sent = {"Cookie": "b=2", "Host": "site.example", "X-Forwarded-For": "10.0.0.1"}
    async with (
        forwarded_to(site, echo) as session,
        session.ws_connect("/there/", headers=sent, origin="http://site.example") as socket,
    ):
        await socket.send_str("headers")
        headers = await socket.receive_json()

    assert headers["Cookie"] == "b=2"
    assert headers["Origin"] == "http://site.example"
    assert headers["X-Forwarded-For"] == "127.0.0.1"
    assert headers["X-Forwarded-Host"] == "site.example"
    assert headers["Via"].startswith("1.1 rxkernel-")


async def test_fields_of_the_handshake_response_are_passed(site: Site) -> None:
    headers: dict[str, Any] = {}
    trace = aiohttp.TraceConfig()

    async def record(_: Any, __: Any, params: Any) -> None:
        headers.update(params.response.headers)

    trace.on_request_end.append(record)
    async with (
        forwarded_to(site, echo),
        aiohttp.ClientSession(
            site.application.servers["http"].url, trace_configs=[trace]
        ) as session,
        session.ws_connect("/there/"),
    ):
        assert headers["Set-Cookie"] == "a=1"
        assert "Sec-WebSocket-Accept" in headers


async def test_close_code_of_the_other_server_is_passed(site: Site) -> None:
    async with (
        forwarded_to(site, echo) as session,
        session.ws_connect("/there/") as socket,
    ):
        await socket.send_str("close")
        message = await socket.receive()
        assert (message.type, message.data, message.extra) == (WSMsgType.CLOSE, 4321, "bye")


@pytest.mark.parametrize(("sent", "received"), [(4000, 4000), (1000, 1000), (1001, 1001)])
async def test_close_code_of_the_client_is_passed(site: Site, sent: int, received: int) -> None:
    codes, serve = closed_with()

    async with forwarded_to(site, serve) as session:
        async with session.ws_connect("/there/") as socket:
            await socket.close(code=sent)
        await until(lambda: codes)
    assert codes == [received]


async def test_client_that_is_lost_closes_the_other_websocket(site: Site) -> None:
    codes, serve = closed_with()

    async with forwarded_to(site, serve) as session:
        socket = await session.ws_connect("/there/")
        transport = socket.get_extra_info("socket")
        assert transport is not None
        transport.shutdown(2)
        await until(lambda: codes)
        await socket.close()
    assert codes == [1001]


async def test_other_server_that_is_lost_closes_the_websocket(site: Site) -> None:
    async def serve(native: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(native)
        await socket.receive()
        assert native.transport is not None
        native.transport.abort()
        return socket

    async with (
        forwarded_to(site, serve) as session,
        session.ws_connect("/there/") as socket,
    ):
        await socket.send_str("x")
        message = await socket.receive()
        assert (message.type, message.data) == (WSMsgType.CLOSE, 1001)


async def test_refused_handshake_is_passed(site: Site) -> None:
    async def refuse(native: web.Request) -> web.Response:
        return web.Response(status=403, text="members only", headers={"X-Own": "1"})

    handshake = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    async with (
        forwarded_to(site, refuse) as session,
        session.get("/there/", headers=handshake) as response,
    ):
        assert response.status == 403
        assert await response.text() == "members only"
        assert response.headers["X-Own"] == "1"


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"garbage\r\n\r\n", id="garbage"),
        pytest.param(
            b"HTTP/1.1 101 OK\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
            b"Sec-WebSocket-Accept: wrong\r\n\r\n",
            id="wrong-key",
        ),
        pytest.param(b"HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n", id="status-999"),
    ],
)
async def test_handshake_that_fails_is_502(site: Site, data: bytes) -> None:
    async with forwarded_to_bytes(site, data) as session:
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await session.ws_connect("/there/")
        assert caught.value.status == 502


async def test_message_above_the_limit_closes_both(site: Site) -> None:
    codes: list[int | None] = []

    async def serve(native: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(max_msg_size=0)
        await socket.prepare(native)
        await socket.receive()
        codes.append(socket.close_code)
        return socket

    async with forwarded_to(site, serve, http__body_limit=1000) as session:
        async with session.ws_connect("/there/") as socket:
            await socket.send_bytes(bytes(2000))
            assert (await socket.receive()).data == 1009
        await until(lambda: codes)
    assert codes == [1001]


async def test_websocket_is_closed_when_the_site_stops(site: Site) -> None:
    codes, serve = closed_with()

    async with (
        forwarded_to(site, serve) as session,
        session.ws_connect("/there/") as socket,
    ):
        stopping = asyncio.create_task(site.application.stop())
        assert (await socket.receive()).data == 1001
        await stopping
        await until(lambda: codes)
    assert codes == [1001]


async def test_websocket_that_is_not_read_stops_the_other_side(site: Site) -> None:
    """The memory is bounded, since the other server cannot send any more."""
    sent = 0

    async def serve(native: web.Request) -> web.StreamResponse:
        nonlocal sent
        socket = web.WebSocketResponse()
        await socket.prepare(native)
        while sent < 10_000:
            await socket.send_bytes(bytes(65_536))
            sent += 1
        return socket

    async with forwarded_to(site, serve) as session:
        socket = await session.ws_connect("/there/")
        assert await asyncio.wait_for(settled(lambda: sent), 20) < 1000
        for _ in range(1000):
            assert len(await socket.receive_bytes()) == 65_536
        sent = 10_000
        await socket.close()
