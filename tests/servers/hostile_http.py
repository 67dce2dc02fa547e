"""An HTTP server under attack, and the check that no state of the attack remains."""

import asyncio
import gc
import socket
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, Self

import pytest
from aiohttp import web

from rxkernel import (
    Application,
    Request,
    Server,
    ServerConfigurationEvent,
    ServerEvents,
    http,
    observe,
)
from rxkernel.servers.aiohttp.server import HttpServer
from tests.waiting import until

BROKEN = {"protocol error": 1}
"""The counters that `HttpTarget.leaves_nothing` expects for a malformed request."""


def head(*lines: str, target: str = "POST /echo") -> str:
    """A request head with the header *lines*."""
    return "\r\n".join((f"{target} HTTP/1.1", *lines, "", ""))


class NativeRoute:
    """A route of aiohttp for every method, which the kernel does not see."""

    async def answer(self, native: web.Request) -> web.Response:
        return web.Response(text="native")

    @observe(ServerEvents.CONFIGURE)
    async def configure(self, event: ServerConfigurationEvent) -> None:
        if event.server.name == "http":
            event.server.engine.router.add_route("*", "/native", self.answer)


class Doors:
    """Records which requests reached an action."""

    def __init__(self) -> None:
        self.came: list[str] = []

    @http("GET", "/", "index")
    async def index(self, request: Request) -> str:
        return "home"

    @http("GET", "/secret", "secret")
    async def secret(self, request: Request) -> str:
        self.came.append("secret")
        return "told"

    @http("GET", "/big", "big")
    async def big(self, request: Request) -> bytes:
        return bytes(20_000_000)

    @http("POST", "/echo", "echo")
    async def echo(self, request: Request) -> Any:
        self.came.append("echo")
        return request.raw_body

    @http("GET", "/named/{name}", "named")
    async def named(self, request: Request) -> Any:
        return [request.path, request.url, request.params["name"]]


class Wire:
    """One connection; the test sends and reads every byte."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def to(cls, server: Server, receive_buffer: int | None = None) -> Self:
        client = socket.socket()
        if receive_buffer is not None:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        client.setblocking(False)
        await asyncio.get_running_loop().sock_connect(client, (server.host, server.port))
        return cls(*await asyncio.open_connection(sock=client))

    def send(self, text: str | bytes) -> None:
        self.writer.write(text if isinstance(text, bytes) else text.encode("latin-1"))

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of the next response."""
        async with asyncio.timeout(20):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            first, *lines = head.split("\r\n")[:-2]
            headers = {name.lower(): value for name, value in (x.split(": ", 1) for x in lines)}
            body = await self.reader.readexactly(int(headers.get("content-length", "0")))
        assert first.startswith("HTTP/1.")
        return int(first.split()[1]), headers, body

    async def rest(self) -> bytes:
        """Return everything that is received until the server closes the connection."""
        rest = b""
        async with asyncio.timeout(20):
            with suppress(ConnectionError):
                while piece := await self.reader.read(65536):
                    rest += piece
        return rest

    async def close(self) -> None:
        self.writer.transport.abort()
        with suppress(ConnectionError):
            await self.writer.wait_closed()


class HttpTarget:
    """A server that must serve other clients during an attack, and keep no state of it."""

    def __init__(self, application: Application, caplog: pytest.LogCaptureFixture) -> None:
        server = application.servers["http"]
        assert isinstance(server, HttpServer)
        self.application = application
        self.server = server
        self.doors = application.injector.get(Doors)
        self._caplog = caplog

    @property
    def lines(self) -> list[str]:
        return [record.getMessage() for record in self._caplog.records]

    async def witness_is_served(self) -> None:
        assert (await self.ask("GET / HTTP/1.1\r\nHost: x\r\n\r\n"))[::2] == (200, b"home")

    @asynccontextmanager
    async def leaves_nothing(
        self, counted: dict[str, int] | None = None, *, logged: int | None = None
    ) -> AsyncIterator[None]:
        """Check that the block leaves no task and no connection, adds *counted* to the counters,
        and logs one line for each of its names, or *logged* lines. Then another client must be
        served."""
        counted = counted or {}
        tasks, counts = asyncio.all_tasks(), Counter(self.server.counts)
        self._caplog.clear()

        yield

        with suppress(TimeoutError):  # the assertion below shows the difference
            await until(lambda: asyncio.all_tasks() <= tasks)
        assert asyncio.all_tasks() - tasks == set()
        await self.witness_is_served()
        gc.collect(1)  # a task logs its unread exception when it is collected
        added = Counter(self.server.counts) - counts
        assert {name: added[name] for name in added if not is_fallback(name)} == counted
        assert not any(record.exc_info for record in self._caplog.records)
        assert len(self.lines) == (len(counted) if logged is None else logged), self.lines
        assert all(line.isprintable() and len(line) <= 300 for line in self.lines), self.lines

    @asynccontextmanager
    async def client(self, receive_buffer: int | None = None) -> AsyncIterator[Wire]:
        wire = await Wire.to(self.server, receive_buffer)
        try:
            yield wire
        finally:
            await wire.close()

    async def ask(self, text: str | bytes) -> tuple[int, dict[str, str], bytes]:
        """The response to one request over a connection of its own."""
        async with self.client() as wire:
            wire.send(text)
            return await wire.answer()


def is_fallback(name: str) -> bool:
    """Whether *name* is a counter of the requests that the fast path leaves to aiohttp."""
    return name.startswith("fast path: ")


HttpAttack = Callable[..., Awaitable[HttpTarget]]
