"""Served applications with the bundle, and raw clients of their WebSockets."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import aiohttp
import pytest

from bundles.contracts import ContractsBundle
from bundles.metacom import MetacomBundle, MetacomServer, MetacomSettings
from rxkernel import Application, HttpSettings, LoggingSettings, Settings

SiteOf = Callable[..., Any]


class RawClient:
    """A WebSocket that sends and receives raw packets."""

    def __init__(self, websocket: "aiohttp.ClientWebSocketResponse") -> None:
        self.websocket = websocket

    async def send(self, packet: Any) -> None:
        """Send *packet*: text and bytes unchanged, any other value as JSON."""
        if isinstance(packet, bytes):
            await self.websocket.send_bytes(packet)
        else:
            text = packet if isinstance(packet, str) else json.dumps(packet)
            await self.websocket.send_str(text)

    async def text(self) -> str:
        """Return the next text message."""
        return await self.websocket.receive_str(timeout=20)

    async def receive(self) -> Any:
        """Return the next packet."""
        return json.loads(await self.text())

    async def exchange(self, packet: Any) -> str:
        """Send *packet* and return the next text message."""
        await self.send(packet)
        return await self.text()

    async def call(self, method: Any, args: Any = None, id: Any = 1) -> Any:
        """Call a method, and return the next packet."""
        await self.send({"type": "call", "id": id, "method": method, "args": args or {}})
        return await self.receive()

    async def closed(self) -> Any:
        """Read until the server has closed the WebSocket, and return its code.

        The attribute ``close_code`` is 1006 if the connection was lost before aiohttp responded.
        """
        message = await self.websocket.receive(timeout=20)
        while message.type is aiohttp.WSMsgType.TEXT:
            message = await self.websocket.receive(timeout=20)
        return message.data


class Site:
    """A served application."""

    def __init__(self, application: Application, session: aiohttp.ClientSession) -> None:
        self.application = application
        self.session = session
        url = application.servers["http"].url
        assert url is not None
        self.url = url

    @property
    def websocket_url(self) -> str:
        return f"ws{self.url.removeprefix('http')}/"

    @property
    def server(self) -> MetacomServer:
        server = self.application.servers["metacom"]
        assert isinstance(server, MetacomServer)
        return server

    @asynccontextmanager
    async def client(self, path: str = "/", **options: Any) -> AsyncIterator[RawClient]:
        """Connect a WebSocket."""
        async with self.session.ws_connect(f"{self.url}{path}", **options) as websocket:
            yield RawClient(websocket)


@pytest.fixture
async def site_of() -> AsyncIterator[SiteOf]:
    """Serve an application with the bundle; it is stopped at the end of the test."""
    async with AsyncExitStack() as stack:

        async def start(
            *controllers: Any,
            bundles: tuple[Any, ...] = (),
            listeners: tuple[Any, ...] = (),
            sections: dict[str, Any] | None = None,
            http: dict[str, Any] | None = None,
            shutdown_timeout: float = 5.0,
            logging: LoggingSettings = LoggingSettings(),  # noqa: B008 - it is frozen
            **settings: Any,
        ) -> Site:
            application = Application(
                bundles=[ContractsBundle, MetacomBundle, *bundles],
                controllers=controllers,
                listeners=listeners,
                settings=Settings(
                    http=HttpSettings(host="127.0.0.1", port=0, **(http or {})),
                    shutdown_timeout=shutdown_timeout,
                    logging=logging,
                    bundles={"metacom": MetacomSettings(**settings), **(sections or {})},
                ),
            )
            await application.start()
            stack.push_async_callback(application.stop)
            # Close it before the server, which waits for open connections when it stops.
            session = await stack.enter_async_context(aiohttp.ClientSession())
            return Site(application, session)

        yield start
