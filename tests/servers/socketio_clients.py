"""Socket.IO clients: the client of python-socketio, and a WebSocket that can send any frame."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import socketio

from rxkernel import Application


@asynccontextmanager
async def client(
    application: Application, namespace: str = "/", **options: Any
) -> AsyncIterator[socketio.AsyncClient]:
    """A connected client."""
    connected = socketio.AsyncClient(reconnection=False)
    await connected.connect(
        application.servers["socketio"].url,
        namespaces=[namespace],
        transports=options.pop("transports", ["websocket"]),
        **options,
    )
    try:
        yield connected
    finally:
        await connected.disconnect()


class RawSocket:
    """Engine.IO v4 over a WebSocket; the test sends every frame itself.

    Attributes:
        close_code: the close code of the server; None while it is open. It is 1006 if the
            connection was lost before aiohttp responded.
    """

    def __init__(self, websocket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = websocket
        self.close_code: int | None = None

    async def send(self, *frames: str | bytes) -> None:
        for frame in frames:
            if isinstance(frame, bytes):
                await self.socket.send_bytes(frame)
            else:
                await self.socket.send_str(frame)

    async def receive(self) -> str | bytes | None:
        """Return the next frame except pings; None when the server has closed."""
        async with asyncio.timeout(20):
            while True:
                message = await self.socket.receive()
                if message.type not in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                    is_close = message.type is aiohttp.WSMsgType.CLOSE
                    self.close_code = message.data if is_close else self.socket.close_code
                    return None
                if message.data != "2":
                    data: str | bytes = message.data
                    return data
                await self.socket.send_str("3")

    def vanish(self) -> None:
        """Close the connection without a close frame."""
        self.socket.get_extra_info("socket").shutdown(socket.SHUT_RDWR)

    async def acknowledged(self, id: int) -> Any:
        """Return the payload of the acknowledgement *id*, which must be the next packet."""
        frame = await self.receive()
        assert isinstance(frame, str)
        assert frame.startswith(f"43{id}["), frame
        return json.loads(frame.removeprefix(f"43{id}"))[0]


@asynccontextmanager
async def raw_socket(
    application: Application, connect: str = "40", headers: Mapping[str, str] | None = None
) -> AsyncIterator[RawSocket]:
    """A websocket that has opened Engine.IO and sent *connect* to Socket.IO."""
    url = f"{application.servers['socketio'].url}/socket.io/?EIO=4&transport=websocket"
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(url, headers=headers) as websocket,
    ):
        raw = RawSocket(websocket)
        opened = await raw.receive()
        assert isinstance(opened, str)
        assert opened.startswith("0{")
        if connect:
            await raw.send(connect)
            answer = await raw.receive()
            assert isinstance(answer, str)
            assert answer.startswith("40"), answer
        yield raw
