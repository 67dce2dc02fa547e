"""Waiting requests of a connection that the client resets, or to which it sends too much."""

import asyncio
import socket
import struct
import time
from typing import Any

import pytest

from rxkernel import Request, StreamResponse, http
from rxkernel.servers.aiohttp.fast_path.protocol import FastPathConnection
from rxkernel.servers.aiohttp.server import HttpServer
from tests.servers.conftest import Serve
from tests.servers.raw_http import post, raw_http
from tests.waiting import until

GET = "GET {} HTTP/1.1\r\nHost: x\r\n\r\n"
BLOCK, STREAM = GET.format("/block").encode(), GET.format("/stream").encode()


class Pipelined:
    def __init__(self) -> None:
        self.client: socket.socket | None = None
        self.blocked = False
        self.started: list[str] = []
        self.may_go = asyncio.Event()

    @http("GET", "/block", "block")
    async def block(self, request: Request) -> str:
        """Reset the connection, and block the event loop until the response."""
        assert self.client is not None
        self.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.client.close()
        time.sleep(0.05)  # noqa: ASYNC251 - the reset arrives while the loop does not run
        self.blocked = True
        return "not received"

    @http("GET", "/stream", "stream")
    async def stream(self, request: Request) -> StreamResponse:
        self.started.append("stream")
        return StreamResponse(pieces())

    @http("POST", "/next", "next")
    async def next(self, request: Request) -> str:
        self.started.append("next")
        return "next"

    @http("GET", "/wait", "wait")
    async def wait(self, request: Request) -> str:
        await self.may_go.wait()
        return "went"


async def pieces() -> Any:
    yield b"piece"


@pytest.mark.parametrize("waiting", [post("/next", body=b"12"), STREAM])
async def test_pipelined_request_after_a_reset_does_not_start(
    serve: Serve, caplog: pytest.LogCaptureFixture, waiting: bytes
) -> None:
    application = await serve(Pipelined)
    controller = application.injector.get(Pipelined)
    server = application.servers["http"]
    assert isinstance(server, HttpServer)
    controller.client = socket.create_connection(("127.0.0.1", server.port))

    controller.client.sendall(BLOCK + waiting)
    await until(lambda: controller.blocked and not server.connections.quota.used)

    assert controller.started == []
    assert not [record for record in caplog.records if record.exc_info]


async def test_messages_waiting_for_a_slow_request_are_limited_by_size(serve: Serve) -> None:
    application = await serve(Pipelined)
    controller = application.injector.get(Pipelined)
    server = application.servers["http"]
    assert isinstance(server, HttpServer)
    assert server._fast_path is not None

    async with raw_http(application) as client:
        client.writer.write(GET.format("/wait").encode() + post("/next", body=bytes(50_000_000)))
        (connection,) = server._fast_path.connections
        assert isinstance(connection, FastPathConnection)
        await until(lambda: connection._is_paused)
        size = sum(len(frame.raw) for frame in connection._waiting)
        assert size < 1_000_000
        controller.may_go.set()
        assert (await client.answer()).body == b"went"
