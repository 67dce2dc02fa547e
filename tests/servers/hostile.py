"""A Socket.IO server under attack: hostile clients, and checks that no state of them remains.

`Target.leaves_nothing` checks everything that "closed" means. The ping interval is an hour in
tests that are not about it, so no ping timeout can close a client instead.
"""

import asyncio
import base64
import gc
import json
import os
import socket
import struct
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

import aiohttp
import pytest

from rxkernel import (
    Acknowledgement,
    Application,
    Connection,
    ConnectionEvent,
    Request,
    ServerEvents,
    observe,
    websocket,
)
from rxkernel.servers.socketio.connection import SocketioConnection
from rxkernel.servers.socketio.server import SocketioServer
from tests.servers.socketio_clients import RawSocket, raw_socket
from tests.waiting import until

FAR = 3600.0
WEBSOCKET, POLLING = "EIO=4&transport=websocket", "EIO=4&transport=polling"
BROKEN = {"protocol error": 1}
UNKNOWN = '{"code":1,"message":"Session ID unknown"}'
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


class Events:
    """Events with an immediate response, and one that waits for the test."""

    def __init__(self) -> None:
        self.started: list[Any] = []
        self.open = asyncio.Event()

    @websocket("echo")
    async def echo(self, request: Request) -> Acknowledgement:
        body = request.body
        return Acknowledgement(*(body if isinstance(body, list) else [body]))

    @websocket("hang")
    async def hang(self, request: Request) -> Any:
        self.started.append(request.body)
        await self.open.wait()
        return request.body


class Presence:
    """Records connected and disconnected clients, in order."""

    def __init__(self) -> None:
        self.trace: list[tuple[str, Connection]] = []

    @observe(ServerEvents.CONNECTED)
    async def came(self, event: ConnectionEvent) -> None:
        self.trace.append(("came", event.connection))

    @observe(ServerEvents.DISCONNECTED)
    async def left(self, event: ConnectionEvent) -> None:
        self.trace.append(("left", event.connection))


def encode(
    opcode: int,
    payload: bytes = b"",
    *,
    final: bool = True,
    reserved: int = 0,
    masked: bool = True,
    length: int | None = None,
) -> bytes:
    """Return a frame of RFC 6455 section 5.2, valid or invalid."""
    length = len(payload) if length is None else length
    head = bytes([final << 7 | reserved << 4 | opcode])
    bit = masked << 7
    if length < 126:
        head += bytes([bit | length])
    elif length < 65536:
        head += struct.pack("!BH", bit | 126, length)
    else:
        head += struct.pack("!BQ", bit | 127, length)
    if not masked:
        return head + payload
    mask = os.urandom(4)
    return head + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))


class Wire:
    """A websocket by hand: the test sends every byte, and close frames get no reply."""

    def __init__(
        self, answer: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.answer = answer
        self.reader = reader
        self.writer = writer

    def write(self, *frames: bytes) -> None:
        self.writer.write(b"".join(frames))

    def stop_reading(self) -> None:
        """Read nothing from now on."""
        self.writer.transport.pause_reading()  # type: ignore[attr-defined]

    async def frame(self) -> tuple[int, bytes]:
        """Return the next frame."""
        async with asyncio.timeout(20):
            first, length = await self.reader.readexactly(2)
            if length >= 126:
                length = int.from_bytes(await self.reader.readexactly(2 if length == 126 else 8))
            return first & 15, await self.reader.readexactly(length)

    async def closed(self) -> int | None:
        """Wait for the end of the connection; return the status of the close frame, if any."""
        status = None
        while True:
            try:
                opcode, payload = await self.frame()
            except (asyncio.IncompleteReadError, ConnectionError):
                return status
            if opcode == CLOSE:
                (status,) = struct.unpack("!H", payload[:2])


@asynccontextmanager
async def wire(
    application: Application,
    connect: str = "40",
    query: str = WEBSOCKET,
    *headers: str,
    receive_buffer: int | None = None,
) -> AsyncIterator[Wire]:
    """A websocket that has opened Engine.IO and sent *connect* to Socket.IO."""
    server = application.servers["socketio"]
    client = socket.socket()
    if receive_buffer is not None:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    client.setblocking(False)
    await asyncio.get_running_loop().sock_connect(client, (server.host, server.port))
    reader, writer = await asyncio.open_connection(sock=client)
    key = base64.b64encode(os.urandom(16)).decode()
    lines = (
        f"GET /socket.io/?{query} HTTP/1.1",
        f"Host: {server.host}:{server.port}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {key}",
        *headers,
        "\r\n",
    )
    try:
        writer.write("\r\n".join(lines).encode())
        opened = Wire((await reader.readuntil(b"\r\n\r\n")).decode(), reader, writer)
        if connect:
            assert (await opened.frame())[1].startswith(b"0{")
            opened.write(encode(TEXT, connect.encode()))
            assert (await opened.frame())[1].startswith(b"40")
        yield opened
    finally:
        writer.transport.abort()
        with suppress(ConnectionError):
            await writer.wait_closed()


def one_shot() -> aiohttp.ClientSession:
    """HTTP without keep-alive: open connections would count as remaining tasks."""
    connector = aiohttp.TCPConnector(force_close=True, limit=50)
    return aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(20))


class OverWebsocket:
    """A client whose frames the test sends."""

    def __init__(self, raw: RawSocket) -> None:
        self.raw = raw

    async def send(self, *frames: str | bytes) -> None:
        with suppress(ConnectionError):  # the server may close it before all frames are sent
            await self.raw.send(*frames)

    async def receive(self) -> str | bytes | None:
        return await self.raw.receive()

    async def closed(self) -> None:
        """Wait until the server has closed it."""
        while await self.raw.receive() is not None:
            pass


class OverPolling:
    """The same client over polling; its frames become packets of one payload."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self.http = http
        self.url = url
        self.statuses: list[int] = []

    async def post(self, body: str | bytes, **headers: str) -> int:
        async with self.http.post(self.url, data=body, headers=headers) as response:
            self.statuses.append(response.status)
            assert not response.ok or await response.text() == "ok"
            return response.status

    async def poll(self) -> tuple[int, str]:
        async with self.http.get(self.url) as response:
            return response.status, await response.text()

    async def receive(self) -> str:
        """Return the response to a poll: one packet or several."""
        status, packets = await self.poll()
        assert status == 200
        return packets

    async def send(self, *frames: str | bytes) -> None:
        await self.post(
            "\x1e".join(
                frame if isinstance(frame, str) else "b" + base64.b64encode(frame).decode()
                for frame in frames
            )
        )

    async def closed(self) -> None:
        """Wait until the server has closed it; the violating request gets an error response."""
        assert await self.poll() == (400, UNKNOWN)
        assert self.statuses[-1] == 400


Client = OverWebsocket | OverPolling


class Witness:
    """A normal client: it reads everything, and responds to every ping."""

    def __init__(self, raw: RawSocket) -> None:
        self.raw = raw
        self.heard: asyncio.Queue[str | bytes | None] = asyncio.Queue()
        self._asked = 0

    async def listen(self) -> None:
        while (frame := await self.raw.receive()) is not None:
            self.heard.put_nowait(frame)
        self.heard.put_nowait(None)

    async def is_served(self) -> None:
        self._asked += 1
        await self.raw.send(f'42{self._asked}["echo",{self._asked}]')
        async with asyncio.timeout(20):
            assert await self.heard.get() == f"43{self._asked}[{self._asked}]"


class Target:
    """A server, a normal client that must be served meanwhile, and the check of "closed"."""

    def __init__(
        self, application: Application, witness: Witness, caplog: pytest.LogCaptureFixture
    ) -> None:
        self.application = application
        server = application.servers["socketio"]
        assert isinstance(server, SocketioServer)
        self.server = server
        self.engine = server.engine
        self.url = f"{self.server.url}/socket.io/"
        self.events = application.injector.get(Events)
        self.presence = application.injector.get(Presence)
        self.witness = witness
        self.caplog = caplog

    @property
    def is_alone(self) -> bool:
        """Whether the normal client is the only one."""
        return len(self.engine.eio.sockets) == 1

    @property
    def newest(self) -> SocketioConnection:
        """The connection of the client that connected last."""
        connections: dict[str, SocketioConnection] = self.engine.connections
        return list(connections.values())[-1]

    def state(self) -> dict[str, Any]:
        """Return what the server has stored of clients."""
        engine, manager = self.engine, self.engine.manager
        return {
            "sessions": set(engine.eio.sockets),
            "environ": set(engine.environ),
            "connections": set(engine.connections),
            "rooms": {
                namespace: {room: dict(members) for room, members in rooms.items()}
                for namespace, rooms in manager.rooms.items()
            },
            "half a packet": dict(engine._binary_packet),
            "undecided": dict(manager.pending_connect),
            "leaving": dict(manager.pending_disconnect),
            "callbacks": dict(manager.callbacks),
        }

    @asynccontextmanager
    async def leaves_nothing(
        self, counted: dict[str, int] | None = BROKEN, *, logged: int = 1, came: int = 1
    ) -> AsyncIterator[None]:
        """Check that the block leaves no state, adds *counted* to the counters and logs *logged*
        lines.

        If *counted* is None, counters and lines are not checked. *came* clients were accepted and
        disconnected, each once. The normal client is served.
        """
        before, tasks = self.state(), asyncio.all_tasks()
        counts, traced = Counter(self.server.counts), len(self.presence.trace)
        self.caplog.clear()

        yield

        with suppress(TimeoutError):  # the assertion below shows the difference
            await until(lambda: self.state() == before)
        assert self.state() == before
        with suppress(TimeoutError):
            await until(lambda: asyncio.all_tasks() <= tasks)
        assert asyncio.all_tasks() - tasks == set()

        trace = self.presence.trace[traced:]
        connections = [connection for what, connection in trace if what == "came"]
        assert len(connections) == came
        for connection in connections:
            assert [what for what, one in trace if one is connection] == ["came", "left"]
            assert isinstance(connection, SocketioConnection)
            assert connection.session.backpressure.expected == 0
            assert connection.event_queue.waiting == 0
        assert len(trace) == 2 * came

        await self.witness.is_served()
        gc.collect(1)  # unretrieved exceptions of tasks are logged on collection
        lines = [record.getMessage() for record in self.caplog.records]
        assert not any(record.exc_info for record in self.caplog.records)
        if counted is None:
            return
        assert len(lines) == logged, lines
        assert all("\n" not in line and len(line) < 400 for line in lines)
        assert all(name in "".join(lines) for name in counted if logged)
        assert Counter(self.server.counts) - counts == counted

    @asynccontextmanager
    async def client(self, transport: str, connect: str = "40") -> AsyncIterator[Client]:
        """A client that has opened Engine.IO and sent *connect* to Socket.IO."""
        if transport == "websocket":
            async with raw_socket(self.application, connect) as raw:
                yield OverWebsocket(raw)
            return
        async with one_shot() as http:
            async with http.get(f"{self.url}?{POLLING}") as response:
                sid = json.loads((await response.text())[1:])["sid"]
            polling = OverPolling(http, f"{self.url}?{POLLING}&sid={sid}")
            if connect:
                assert await polling.post(connect) == 200
                assert (await polling.receive()).startswith("40")
            yield polling

    @asynccontextmanager
    async def posts(
        self, client: OverPolling, *headers: str
    ) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        """Send the head of a POST; the test sends the rest."""
        path = client.url.removeprefix(str(self.server.url))
        reader, writer = await asyncio.open_connection(self.server.host, self.server.port)
        lines = (f"POST {path} HTTP/1.1", "Host: x", "Connection: close", *headers, "\r\n")
        writer.write("\r\n".join(lines).encode())
        try:
            yield reader, writer
        finally:
            writer.transport.abort()

    @asynccontextmanager
    async def closes(
        self, transport: str, counted: dict[str, int] = BROKEN, connect: str = "40"
    ) -> AsyncIterator[Client]:
        """Yield a client that the server must close because of what the block sends."""
        async with (
            self.leaves_nothing(counted, came=1 if connect == "40" else 0),
            self.client(transport, connect) as client,
        ):
            yield client
            await client.closed()
            await until(lambda: self.is_alone)  # while the client is still connected


Attack = Callable[..., Awaitable[Target]]


@asynccontextmanager
async def attacks(
    serve: Callable[..., Awaitable[Application]], caplog: pytest.LogCaptureFixture
) -> AsyncIterator[Attack]:
    async with AsyncExitStack() as stack:

        async def start(
            *controllers: type,
            listeners: tuple[type, ...] = (),
            http: dict[str, Any] | None = None,
            **settings: Any,
        ) -> Target:
            application = await serve(
                Events,
                *controllers,
                listeners=[Presence, *listeners],
                http=http,
                socketio={"ping_interval": FAR, "ping_timeout": FAR, **settings},
            )
            witness = Witness(await stack.enter_async_context(raw_socket(application)))
            stack.callback(asyncio.create_task(witness.listen()).cancel)
            await witness.is_served()
            return Target(application, witness, caplog)

        yield start


TRANSPORTS = ("websocket", "polling")
over_each_transport = pytest.mark.parametrize("transport", TRANSPORTS)
