"""The send timeout: clients that read slowly, or not at all."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from rxkernel import (
    EventStreamResponse,
    FileResponse,
    Request,
    Response,
    ServerConfigurationEvent,
    ServerEvents,
    ServerSentEvent,
    StreamResponse,
    http,
    observe,
    websocket,
)
from tests.servers.hostile_http import HttpAttack, HttpTarget
from tests.waiting import until

SIZE = 20_000_000

KINDS = ["plain", "stream", "one-piece", "events", "file", "native-file"]


class Large:
    """One response of every kind, each larger than the buffers of the system."""

    file: Path

    @http("GET", "/plain", "plain")
    async def plain(self, request: Request) -> bytes:
        return bytes(SIZE)

    @http("GET", "/stream", "stream")
    async def stream(self, request: Request) -> Response:
        return StreamResponse(self.pieces(16_384))

    @http("GET", "/one-piece", "one_piece")
    async def one_piece(self, request: Request) -> Response:
        return StreamResponse(self.pieces(SIZE))

    @http("GET", "/events", "events")
    async def events(self, request: Request) -> Response:
        return EventStreamResponse(self.event_source())

    @http("GET", "/file", "file")
    async def send_file(self, request: Request) -> Response:
        return FileResponse(self.file)

    @observe(ServerEvents.CONFIGURE)
    async def configure(self, event: ServerConfigurationEvent) -> None:
        if event.server.name == "http":
            event.server.engine.router.add_get("/native-file", self.native_file)

    async def native_file(self, native: web.Request) -> web.FileResponse:
        return web.FileResponse(self.file)

    async def pieces(self, size: int) -> AsyncIterator[bytes]:
        for _ in range(SIZE // size):
            yield bytes(size)

    async def event_source(self) -> AsyncIterator[ServerSentEvent]:
        for _ in range(SIZE // 16_384):
            yield ServerSentEvent(data="x" * 16_384)


@pytest.fixture
def large(tmp_path: Path) -> type[Large]:
    file = tmp_path / "large"
    file.touch()
    os.truncate(file, SIZE)
    return type("Large", (Large,), {"file": file})


@pytest.mark.parametrize("seconds", [5.0, pytest.param(60.0, marks=pytest.mark.soak)])
async def test_client_that_reads_slowly_but_steadily_is_served(
    http_attack: HttpAttack, large: type[Large], seconds: float
) -> None:
    """Also while data waits in the transport and in the system."""
    target = await http_attack(large, send_timeout=2.0)

    async with target.leaves_nothing(), asyncio.TaskGroup() as clients:
        for kind in KINDS:
            clients.create_task(take_little(target, kind, seconds))


async def take_little(target: HttpTarget, kind: str, seconds: float) -> None:
    """Read half of the response at once, then 100 KB per second for *seconds*."""
    loop = asyncio.get_running_loop()
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 1400)
        client.setblocking(False)
        await loop.sock_connect(client, (target.server.host, target.server.port))
        await loop.sock_sendall(client, f"GET /{kind} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        taken = 0
        while taken < SIZE / 2:  # the system may enlarge its buffer meanwhile
            taken += len(await loop.sock_recv(client, 65_536))
        end = loop.time() + seconds
        while loop.time() < end:
            assert await asyncio.wait_for(loop.sock_recv(client, 2048), 20), kind
            await asyncio.sleep(0.02)
        limits = [name for name in target.server.counts if not name.startswith("fast path: ")]
        assert limits == [], kind


class Talker:
    @websocket("talk")
    async def talk(self, request: Request) -> str:
        return "x" * 5_000_000


def frame(text: str) -> bytes:
    """*text* as a client sends it (RFC 6455 section 5.2), with a mask of zeros."""
    return bytes((0x81, 0x80 | len(text), 0, 0, 0, 0)) + text.encode()


async def test_websocket_of_socketio_has_no_send_timeout(http_attack: HttpAttack) -> None:
    """``socketio.max_outbound_bytes`` and the heartbeat limit it instead."""
    target = await http_attack(Talker, send_timeout=0.1)
    upgrade = (
        "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )

    async with target.leaves_nothing(), target.client(receive_buffer=4096) as wire:
        wire.send(upgrade)
        assert b" 101 " in await wire.reader.readuntil(b"\r\n\r\n")
        wire.send(frame("40") + frame('420["talk"]'))
        wire.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await asyncio.sleep(0.5)
        wire.writer.transport.resume_reading()  # type: ignore[attr-defined]
        async with asyncio.timeout(20):
            await wire.reader.readexactly(5_000_000)


async def test_send_timeout_of_a_month_is_accepted(http_attack: HttpAttack) -> None:
    """tcp(7): TCP_USER_TIMEOUT is an unsigned int of milliseconds."""
    target = await http_attack(send_timeout=3e6)

    async with target.leaves_nothing():
        await target.witness_is_served()


@pytest.mark.parametrize("kind", KINDS)
async def test_client_that_reads_nothing_reaches_the_send_timeout(
    http_attack: HttpAttack, large: type[Large], kind: str
) -> None:
    target = await http_attack(large, send_timeout=0.3)

    async with (
        target.leaves_nothing({"http.send_timeout": 1}),
        target.client(receive_buffer=4096) as wire,
    ):
        wire.writer.transport.pause_reading()  # type: ignore[attr-defined]
        wire.send(f"GET /{kind} HTTP/1.1\r\nHost: x\r\n\r\n")
        await until(lambda: target.server.connections.quota.used == 0)
