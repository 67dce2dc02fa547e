"""A websocket and plain answers on aiohttp, for transports that bring their own protocol."""

import asyncio
from collections.abc import Mapping, Sequence
from struct import pack
from typing import Self

from aiohttp import WebSocketError, WSMessage, WSMsgType, web

from rxkernel.servers.aiohttp.connection.protocol import connection_of
from rxkernel.servers.aiohttp.request.native_request import is_gone

Frame = str | bytes

_DATA = (WSMsgType.TEXT, WSMsgType.BINARY)

_CLOSING = 1.0
"""Seconds in which a client answers that it is closed."""

_TYPE, _TEXT = "Content-Type", "text/plain; charset=UTF-8"


class FrameError(ValueError):
    """The client sent what no websocket may, or too much; ``code`` is what it was closed with
    (RFC 6455 section 7.4.1)."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class WebSocket:
    """One accepted websocket (RFC 6455), text and binary frames in the order they come.

    permessage-deflate is off: it costs 100 KiB per idle socket.
    """

    __slots__ = ("_connection", "_native", "_transport", "next", "response")

    def __init__(self, native: web.Request, socket: web.WebSocketResponse) -> None:
        self._native = native
        self._connection = connection_of(native)
        self._transport = native.transport
        self.response = socket
        self.next = socket.receive

    @classmethod
    async def accept(
        cls,
        native: web.Request,
        limit: int,
        headers: Mapping[str, str],
        *,
        protocols: Sequence[str] = (),
        heartbeat: float | None = None,
    ) -> Self:
        """Answer the handshake; a message above *limit* bytes closes with 1009.

        With a *heartbeat*, in seconds, a silent client is pinged, and ``http.send_timeout``
        holds; without, both are the caller's.
        """
        socket = web.WebSocketResponse(
            max_msg_size=limit + 1,  # aiohttp closes at it, not above
            compress=False,
            timeout=_CLOSING,
            protocols=protocols,
            heartbeat=heartbeat,
        )
        socket.headers.update(headers)
        await socket.prepare(native)
        if heartbeat is None:
            connection_of(native).stop_timeouts()
        return cls(native, socket)

    async def receive(self) -> Frame | None:
        """The next message, None when there will be none.

        Raises:
            FrameError: the client broke the protocol; it has been told.
        """
        return self.unpack(await self.next())

    @staticmethod
    def unpack(message: WSMessage) -> Frame | None:
        """What `receive` returns of what `next` does: the two steps save a coroutine."""
        if message.type in _DATA:
            data: Frame = message.data
            return data
        if isinstance(message.data, WebSocketError):
            raise FrameError(message.data.code, str(message.data))
        return None

    async def send(self, frame: Frame) -> None:
        """Send one message; waits while the client does not read. Nothing happens once closed."""
        if self.response.closed:
            return
        if isinstance(frame, str):
            await self.response.send_str(frame)
        else:
            await self.response.send_bytes(frame)

    @property
    def is_congested(self) -> bool:
        """Whether the client reads slower than it is sent to."""
        return self._connection.is_full

    def write(self, encoded: bytes) -> bool:
        """Send what `encode_frame` made without waiting, and nothing once closed.

        Returns False, and sends nothing, while `is_congested`.
        """
        if self._connection.is_full:
            return False
        transport = self._transport
        if transport is not None and not (self.response.closed or transport.is_closing()):
            transport.write(encoded)
        return True

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close it; a client that neither reads nor answers is cut off after two seconds."""
        try:
            async with asyncio.timeout(2 * _CLOSING):
                await self.response.close(code=code, message=reason.encode())
        except (TimeoutError, ConnectionError):
            self.abort()

    @property
    def is_gone(self) -> bool:
        """Whether the connection below has ended."""
        return is_gone(self._native)

    def abort(self) -> None:
        """Cut the connection."""
        if self._native.transport is not None:
            self._native.transport.abort()


def encode_frame(payload: bytes, *, is_text: bool) -> bytes:
    """A whole message as one frame, unmasked as a server sends it (RFC 6455 section 5.2)."""
    first, length = 0x81 if is_text else 0x82, len(payload)
    if length < 126:
        return bytes((first, length)) + payload
    if length < 65536:
        return pack("!BBH", first, 126, length) + payload
    return pack("!BBQ", first, 127, length) + payload


def wants_websocket(native: web.Request) -> bool:
    """Whether *native* asks to be upgraded."""
    return native.headers.get("Upgrade", "").lower() == "websocket"


def text_response(
    text: str, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """A plain answer in UTF-8."""
    return web.Response(
        body=text.encode(), status=status, headers={_TYPE: _TEXT, **(headers or {})}
    )
