"""Applications that share a port, and a client that sends requests to their hosts."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Annotated, Any

import attrs

from rxkernel import (
    Application,
    ApplicationEvents,
    Body,
    EventStreamResponse,
    HttpSettings,
    ServerSentEvent,
    Settings,
    SharedPort,
    SocketioSettings,
    StreamResponse,
    http,
    websocket,
)
from tests.servers.raw_http import Answer, RawHttp

name_in_context: ContextVar[str] = ContextVar("name_in_context", default="none")
"""Set when an application boots."""


class Pages:
    def __init__(self) -> None:
        self.name = ""
        self.entered = asyncio.Event()
        self.release = asyncio.Event()

    @http("GET", "/name", "name")
    async def show(self) -> str:
        return self.name

    @http("GET", "/context", "context")
    async def show_context(self) -> str:
        return name_in_context.get()

    @http("GET", "/slow", "slow")
    async def slow(self) -> str:
        self.entered.set()
        await self.release.wait()
        return self.name

    @http("GET", "/broken", "broken")
    async def broken(self) -> str:
        raise RuntimeError("broken page")

    @http("POST", "/size", "size")
    async def size(self, text: Annotated[str, Body()]) -> str:
        return f"{self.name} {len(text)}"

    @http("GET", "/stream", "stream")
    async def stream(self) -> StreamResponse:
        async def parts() -> AsyncIterator[bytes]:
            yield self.name.encode()
            yield name_in_context.get().encode()

        return StreamResponse(parts())

    @http("GET", "/undeclared", "undeclared")
    async def undeclared(self) -> Any:
        """Without an annotation, the fast path does not know before the action that it streams."""
        return await self.stream()

    @http("GET", "/held", "held")
    async def held(self) -> Any:
        async def parts() -> AsyncIterator[bytes]:
            yield self.name.encode()
            self.entered.set()
            await self.release.wait()
            yield b" released"

        return StreamResponse(parts())

    @http("GET", "/events", "events")
    async def events(self) -> EventStreamResponse:
        async def source() -> AsyncIterator[ServerSentEvent]:
            yield ServerSentEvent(data=self.name)
            await self.release.wait()

        return EventStreamResponse(source())

    @websocket("name")
    async def event(self) -> list[str]:
        return [self.name, name_in_context.get()]


@attrs.define(eq=False)
class Sites:
    """The applications by name, and their port."""

    port: SharedPort
    applications: dict[str, Application] = attrs.field(factory=dict)

    def add(
        self,
        name: str,
        *hosts: str,
        settings: Settings | None = None,
        controllers: Sequence[Any] = (),
    ) -> Application:
        pages = Pages()
        pages.name = name

        async def set_name(event: object) -> None:
            name_in_context.set(name)

        base = settings or Settings(socketio=SocketioSettings(enabled=False))
        application = Application(
            controllers=[pages, *controllers],
            settings=attrs.evolve(base, http=attrs.evolve(base.http, allowed_hosts=hosts)),
        )
        application.dispatcher.add_listener(ApplicationEvents.BOOTSTRAP, set_name)
        application.share(self.port, name)
        self.applications[name] = application
        return application

    def pages(self, name: str) -> Pages:
        (pages,) = (c for c in self.applications[name].controllers if isinstance(c, Pages))
        return pages

    @asynccontextmanager
    async def connect(self) -> AsyncIterator["Client"]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port.port)
        try:
            yield Client(reader, writer)
        finally:
            writer.transport.abort()

    async def get(self, host: str, path: str = "/name", *headers: str) -> Answer:
        """Return the response to one request over a new connection."""
        async with self.connect() as client:
            return await client.get(host, path, *headers)


class Client(RawHttp):
    async def get(self, host: str, path: str = "/name", *headers: str) -> Answer:
        await self.send(request(host, path, *headers))
        return await self.answer()


def request(host: str, path: str = "/name", *headers: str) -> bytes:
    lines = (f"GET {path} HTTP/1.1", f"Host: {host}", *headers)
    return "\r\n".join((*lines, "", "")).encode()


def sites_on(**http: Any) -> Sites:
    return Sites(SharedPort(Settings(http=HttpSettings(port=0, **http))))
