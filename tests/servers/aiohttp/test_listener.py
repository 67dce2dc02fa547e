"""A listener that stops while connections arrive."""

import asyncio
import socket

import pytest

from rxkernel import Request, ServerEvent, ServerEvents, http, observe
from tests.servers.conftest import Serve


class Home:
    @http("GET", "/", "home")
    async def home(self, request: Request) -> str:
        return "home"


class LateClient:
    """Sends a request *iterations* of the event loop after the server has begun to stop."""

    iterations = 0

    def __init__(self) -> None:
        self.socket = socket.socket()

    @observe(ServerEvents.STOPPING)
    async def begin(self, event: ServerEvent) -> None:
        if event.server.name == "http":
            address = (event.server.host, event.server.port)
            self.sending = asyncio.create_task(self.send(address))

    async def send(self, address: tuple[str | None, int | None]) -> None:
        for _ in range(self.iterations):
            await asyncio.sleep(0)
        self.socket.connect(address)
        self.socket.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")


@pytest.mark.parametrize("iterations", range(7))
async def test_connection_while_server_stops_is_served_or_refused(
    serve: Serve, iterations: int
) -> None:
    """asyncio does not close a connection that was accepted just before the server was closed."""
    kind = type("LateClient", (LateClient,), {"iterations": iterations})
    application = await serve(Home, listeners=[kind])
    client: LateClient = application.injector.get(kind)

    await application.stop()

    received = b""
    with client.socket:
        client.socket.setblocking(False)
        try:
            await client.sending
            while piece := client.socket.recv(65_536):
                received += piece
        except ConnectionError:
            return
    assert received.startswith(b"HTTP/1.1 200 ")
    assert received.endswith(b"home")
