"""The user's aiohttp application, and the controllers of the application that is mounted in it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import attrs
import pytest
import socketio
from aiohttp import web

from rxkernel import (
    Application,
    EventStreamResponse,
    HttpSettings,
    Request,
    ServerSentEvent,
    http,
    websocket,
)

PREFIX = HttpSettings(prefix="/api")


class Calls:
    def __init__(self) -> None:
        self.entered = asyncio.Event()
        self.release = asyncio.Event()

    @websocket("add")
    async def add(self, a: int, b: int) -> int:
        return a + b

    @websocket("slow")
    async def slow(self) -> str:
        self.entered.set()
        await self.release.wait()
        return "done"


class Pages:
    def __init__(self) -> None:
        self.is_streaming = asyncio.Event()
        self.is_closed = asyncio.Event()

    @http("GET", "/hello/{name}", "hello")
    async def hello(self, request: Request) -> dict[str, Any]:
        return {"name": request.params["name"], "url": request.url_for("hello", name="Bob")}

    @http("POST", "/echo", "echo")
    async def echo(self, request: Request) -> Any:
        return request.body

    @http("GET", "/events", "events")
    async def events(self, request: Request) -> EventStreamResponse:
        return EventStreamResponse(self.silent())

    async def silent(self) -> AsyncIterator[ServerSentEvent]:
        try:
            yield ServerSentEvent(data="one")
            self.is_streaming.set()
            await asyncio.Event().wait()
        finally:
            self.is_closed.set()


@attrs.define(eq=False)
class Host:
    """The aiohttp application of a user, with one route and one middleware."""

    native: web.Application
    seen: list[str] = attrs.field(factory=list)
    runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        assert self.runner is not None
        return f"http://127.0.0.1:{self.runner.addresses[0][1]}"

    async def start(self) -> str:
        self.runner = web.AppRunner(self.native, shutdown_timeout=20)
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", 0).start()
        return self.url

    async def stop(self) -> None:
        runner, self.runner = self.runner, None
        if runner is not None:
            await runner.cleanup()


Connect = Callable[..., Awaitable[socketio.AsyncClient]]


def mount(host: Host, *controllers: Any, **parts: Any) -> Application:
    application = Application(controllers=controllers, **parts)
    application.mount_in(host.native)
    return application


over_each_transport = pytest.mark.parametrize("transport", ["websocket", "polling"])
