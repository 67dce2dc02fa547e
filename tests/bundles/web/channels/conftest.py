"""Served sites with event streams and WebSockets."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import attrs
import pytest

from bundles.autoload import create_application
from bundles.security import UserProvider
from bundles.web import Channels
from bundles.web.channels.subscribers import Subscribers
from rxkernel import Application
from tests.bundles.web.conftest import Site

SECRET = "s3cret-of-the-tests-with-32-bytes!"


@attrs.frozen
class Account:
    username: str


class Accounts(UserProvider[Account]):
    async def load(self, identifier: str) -> Account | None:
        return Account(identifier) if identifier in ("ada", "bob") else None


class EventReader:
    """The blocks of an event stream, as text without the blank line at their ends."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.response = response

    async def next(self) -> str | None:
        """Return the next block; None at the end of the stream."""
        async with asyncio.timeout(20):
            lines: list[str] = []
            while line := await self.response.content.readline():
                if line == b"\n":
                    return "\n".join(lines)
                lines.append(line.decode().removesuffix("\n"))
        assert not lines
        return None

    async def event(self) -> dict[str, str]:
        """Return the fields of the next event; comments and ids without data are skipped."""
        async with asyncio.timeout(20):  # all the time, comments come as heartbeats
            while (block := await self.next()) is not None:
                fields = dict(line.split(": ", 1) for line in block.split("\n") if line[0] != ":")
                if "data" in fields:
                    return fields
        pytest.fail("the stream has ended")

    async def opened(self) -> str:
        """Read the beginning of a stream without replay; return the id of its position."""
        assert await self.next() == "retry: 2000"
        block = await self.next()
        assert block is not None
        return block.removeprefix("id: ")


class LiveSite:
    """A served site."""

    def __init__(self, application: Application, session: aiohttp.ClientSession) -> None:
        self.application = application
        self.session = session

    @property
    def url(self) -> str:
        url = self.application.servers["http"].url
        assert url is not None
        return url

    @property
    def port(self) -> int | None:
        return self.application.servers["http"].port

    @property
    def subscribers(self) -> Subscribers:
        return self.application.injector.get(Subscribers)

    @property
    def channels(self) -> Channels:
        return self.application.injector.get(Channels)

    @asynccontextmanager
    async def events(self, path: str, **options: Any) -> AsyncIterator[EventReader]:
        """Open the event stream *path*."""
        async with self.session.get(path, **options) as response:
            assert response.status == 200, await response.text()
            yield EventReader(response)

    def websocket(self, path: str, **options: Any) -> Any:
        return self.session.ws_connect(path, **options)

    async def rejected(self, path: str, **options: Any) -> int:
        """Return the status of a handshake that is rejected."""
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await self.session.ws_connect(path, **options)
        return caught.value.status


Live = Callable[..., Awaitable[LiveSite]]


@pytest.fixture
async def live(site: Site) -> AsyncIterator[Live]:
    """``await live(files, {"web.channels.retry": 1}, users=True)`` serves *files*."""
    sessions: list[aiohttp.ClientSession] = []

    async def serve(
        files: Mapping[str, str | bytes],
        settings: Mapping[str, Any] | None = None,
        *,
        users: bool = False,
        listeners: Any = (),
    ) -> LiveSite:
        site.write(files)
        application = create_application(site.root, users=Accounts if users else None)
        application.listeners = (*application.listeners, *listeners)
        site._application = application
        own = {"security.tokens.secret": SECRET} if users else {}
        address = {"http.port": 0, "http.host": "127.0.0.1"}
        application.load_settings({**address, **own, **(settings or {})})
        await application.start()
        url = application.servers["http"].url
        sessions.append(aiohttp.ClientSession(url, cookie_jar=aiohttp.CookieJar(unsafe=True)))
        return LiveSite(application, sessions[-1])

    yield serve
    for session in sessions:
        await session.close()
