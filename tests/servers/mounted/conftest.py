"""An aiohttp application, and clients of Socket.IO."""

from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio
import socketio
from aiohttp import web
from aiohttp.typedefs import Handler

from tests.servers.mounted.hosts import (
    Connect,
    Host,
)


@pytest_asyncio.fixture
async def host() -> AsyncIterator[Host]:
    host = Host(web.Application())

    @web.middleware
    async def note(request: web.Request, handler: Handler) -> web.StreamResponse:
        host.seen.append(request.path)
        return await handler(request)

    async def home(request: web.Request) -> web.Response:
        return web.Response(text="native home")

    host.native.middlewares.append(note)
    host.native.router.add_get("/", home)
    yield host
    await host.stop()


@pytest_asyncio.fixture
async def connect() -> AsyncIterator[Connect]:
    clients: list[socketio.AsyncClient] = []

    async def start(
        url: str, transport: str = "websocket", **options: Any
    ) -> socketio.AsyncClient:
        clients.append(socketio.AsyncClient(reconnection=False))
        await clients[-1].connect(url, transports=[transport], **options)
        return clients[-1]

    yield start
    for client in clients:
        await client.disconnect()
