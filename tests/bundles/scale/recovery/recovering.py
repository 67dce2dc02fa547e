"""A client of raw frames that connects again, and the applications to which it connects."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from rxkernel import Application, ConnectionEvent, Request, ServerEvents, observe, websocket
from tests.servers.hostile import Client, OverWebsocket
from tests.servers.socketio.clients import engine_of, opened
from tests.waiting import until


class Rooms:
    """Clients join rooms and set attributes; the recovered clients are recorded."""

    def __init__(self) -> None:
        self.connected: list[tuple[bool, set[str], dict[str, Any], Any]] = []

    @observe(ServerEvents.CONNECTED)
    async def connect(self, event: ConnectionEvent) -> None:
        one = event.connection
        self.connected.append((one.recovered, set(one.rooms), dict(one.attributes), one.auth))

    @websocket("join")
    async def join(self, request: Request) -> None:
        assert request.connection is not None
        await request.connection.join(request.body)

    @websocket("note")
    async def note(self, request: Request) -> None:
        assert request.connection is not None
        request.connection.attributes.update(request.body)


class Recovering:
    """
    Attributes:
        sid, pid: the ids that the server sent.
        offset: the last argument of the last event.
    """

    def __init__(self, client: Client, namespace: str = "/") -> None:
        self.client = client
        self.prefix = "" if namespace == "/" else f"{namespace},"
        self.sid = self.pid = ""
        self.offset: str | None = None
        self._frames: list[str] = []

    async def connect(self, **auth: Any) -> dict[str, Any]:
        """Send CONNECT and return the data of its response."""
        await self.client.send(f"40{self.prefix}{json.dumps(auth)}")
        accepted = await self._packet(f"40{self.prefix}")
        self.sid, self.pid = accepted["sid"], accepted.get("pid", "")
        return dict(accepted)

    async def event(self) -> list[Any]:
        """Return the next event without its offset."""
        event: list[Any] = await self._packet(f"42{self.prefix}")
        self.offset = event.pop()
        return event

    async def call(self, name: str, body: Any) -> Any:
        await self.client.send(f"42{self.prefix}7{json.dumps([name, {'body': body}])}")
        return await self._packet(f"43{self.prefix}7")

    async def _packet(self, begin: str) -> Any:
        text = await self.frame()
        assert isinstance(text, str)
        assert text.startswith(begin), text
        return json.loads(text[len(begin) :])

    async def frame(self) -> str | bytes | None:
        """Return the next packet or attachment."""
        while not self._frames:
            received = await self.client.receive()
            if not isinstance(received, str):
                return received
            self._frames += received.split("\x1e")
        return self._frames.pop(0)

    async def hang_up(self, application: Application) -> None:
        """Close the transport; return when the server has noticed it."""
        if isinstance(self.client, OverWebsocket):
            self.client.raw.vanish()
        else:
            await self.client.send("1")  # as `engine.close()` of engine.io-client
        await until(lambda: self.sid not in engine_of(application).connections)


@asynccontextmanager
async def recovering(
    application: Application, transport: str = "websocket", namespace: str = "/", **auth: Any
) -> AsyncIterator[Recovering]:
    """A client that has connected with *auth*."""
    async with opened(application, transport) as client:
        one = Recovering(client, namespace)
        await one.connect(**auth)
        yield one
