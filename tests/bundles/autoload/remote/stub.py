"""Local servers that replace remote services."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import attrs
from aiohttp import web

Respond = Callable[[web.Request], Awaitable[web.StreamResponse]]


@attrs.define
class Received:
    """A received request; *target* is not decoded."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@attrs.define(eq=False)
class Stub:
    """An HTTP server. `respond` makes its responses; by default ``{"ok": true}``.

    Attributes:
        connections: how many have been opened.
    """

    url: str = ""
    received: list[Received] = attrs.field(factory=list)
    connections: set[object] = attrs.field(factory=set)
    respond: Respond | None = None

    @property
    def last(self) -> Received:
        return self.received[-1]

    @property
    def lines(self) -> list[str]:
        return [f"{each.method} {each.target}" for each in self.received]

    def reply(self, *replies: web.Response | dict[str, Any] | int) -> None:
        """Send *replies*, one for each request, and the last one for all further requests: a
        response, the value of a JSON response, or a status."""
        left = list(replies)

        async def respond(request: web.Request) -> web.StreamResponse:
            reply = left.pop(0) if len(left) > 1 else left[0]
            if isinstance(reply, int):
                return web.json_response({"problem": reply}, status=reply)
            if isinstance(reply, dict):
                return web.json_response(reply)
            return web.Response(status=reply.status, headers=reply.headers, body=reply.body)

        self.respond = respond

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.connections.add(request.transport)
        target = request.raw_path
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.received.append(Received(request.method, target, headers, body))
        if self.respond is None:
            return web.json_response({"ok": True})
        return await self.respond(request)


@contextlib.asynccontextmanager
async def running_stub() -> AsyncIterator[Stub]:
    stub = Stub()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", stub.handle)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    stub.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield stub
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def raw_server(data: bytes, *, closes: bool = True) -> AsyncIterator[str]:
    """A server that sends *data* after the first bytes of each request; return its URL."""
    released = asyncio.Event()
    handlers: list[asyncio.Task[Any]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if (handler := asyncio.current_task()) is not None:
            handlers.append(handler)
        with contextlib.suppress(ConnectionError):  # the client has disconnected
            await reader.read(1)
            writer.write(data)
            if not closes:
                await released.wait()
            writer.close()
            await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        released.set()
        server.close()
        await server.wait_closed()
        await asyncio.gather(*handlers)
