"""Real servers on free ports, with real clients."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest_asyncio

from rxkernel import Application, HttpSettings, Settings, SocketioSettings

Serve = Callable[..., Awaitable[Application]]


@pytest_asyncio.fixture
async def serve() -> AsyncIterator[Serve]:
    """``await serve(Controller, …, http={…}, socketio={…}, listeners=[…])`` listens at once."""
    applications: list[Application] = []

    async def start(
        *controllers: type,
        http: dict[str, Any] | None = None,
        socketio: dict[str, Any] | None = None,
        debug: bool = False,
        **parts: Any,
    ) -> Application:
        settings = Settings(
            debug=debug,
            http=HttpSettings(**{"port": 0, **(http or {})}),
            socketio=SocketioSettings(**(socketio or {})),
        )
        applications.append(Application(controllers=controllers, settings=settings, **parts))
        await applications[-1].start()
        return applications[-1]

    yield start
    for application in reversed(applications):
        await application.stop()


@pytest_asyncio.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


def http_url(application: Application, path: str = "/") -> str:
    return application.servers["aiohttp"].url + path
