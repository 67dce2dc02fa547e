"""A WebSocket on aiohttp, as a stream of messages, for transports with a protocol of their own."""

import asyncio
from collections.abc import Mapping, Sequence
from struct import pack
from typing import Self

from aiohttp import WebSocketError, WSMessage, WSMsgType, web

from rxkernel.servers.aiohttp.connection.protocol import connection_of
from rxkernel.servers.aiohttp.request.disconnect import is_disconnected

WebSocketMessage = str | bytes
"""The content of a text or binary message."""

_DATA = (WSMsgType.TEXT, WSMsgType.BINARY)

_CLOSE_TIMEOUT = 1.0
"""Seconds in which a client must respond to a close frame."""


class WebSocketProtocolError(ValueError):
    """The client broke the WebSocket protocol, or sent a message above the limit. The WebSocket
    was closed with ``code`` (RFC 6455 section 7.4.1)."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class WebSocketStream:
    """One accepted WebSocket (RFC 6455).

    permessage-deflate is off: it costs 100 KiB for each idle WebSocket.

    Attributes:
        response: aiohttp's response to the handshake.
        receive_raw: returns aiohttp's next message; `decode` reads it.
    """

    __slots__ = ("_connection", "_native", "_transport", "receive_raw", "response")

    def __init__(self, native: web.Request, response: web.WebSocketResponse) -> None:
        self._native = native
        self._connection = connection_of(native)
        self._transport = native.transport
        self.response = response
        self.receive_raw = response.receive

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
        """Complete the handshake. A message larger than *limit* bytes closes with 1009.

        With a *heartbeat*, in seconds, aiohttp pings a silent client, and ``http.send_timeout``
        applies. Without one, the caller is responsible for both.
        """
        response = web.WebSocketResponse(
            max_msg_size=limit + 1,  # aiohttp closes at this size, not above
            compress=False,
            timeout=_CLOSE_TIMEOUT,
            protocols=protocols,
            heartbeat=heartbeat,
        )
        response.headers.update(headers)
        await response.prepare(native)
        if heartbeat is None:
            connection_of(native).stop_timeouts()
        return cls(native, response)

    async def receive(self) -> WebSocketMessage | None:
        """The next message; None once the WebSocket is closed.

        Raises:
            WebSocketProtocolError: the client broke the protocol; the WebSocket is closed.
        """
        return self.decode(await self.receive_raw())

    @staticmethod
    def decode(message: WSMessage) -> WebSocketMessage | None:
        """Convert a result of `receive_raw` to one of `receive`. Callers of both methods save a
        coroutine for each message."""
        if message.type in _DATA:
            data: WebSocketMessage = message.data
            return data
        if isinstance(message.data, WebSocketError):
            raise WebSocketProtocolError(message.data.code, str(message.data))
        return None

    async def send(self, message: WebSocketMessage) -> None:
        """Send *message*; wait while the client does not read. Does nothing once closed.

        It is sent even if the task is cancelled while it waits.

        Raises:
            ConnectionResetError: the connection is lost.
        """
        transport = self._transport
        if self.response.closed:
            return
        if transport is None or transport.is_closing():
            raise ConnectionResetError("the connection is lost")
        is_text = isinstance(message, str)
        payload = message.encode() if isinstance(message, str) else message
        transport.write(encode_frame(payload, is_text=is_text))
        await self._connection.drain()

    @property
    def is_congested(self) -> bool:
        """Whether the client reads more slowly than data is sent."""
        return self._connection.is_full

    def write(self, frame: bytes) -> bool:
        """Send a *frame* of `encode_frame` without waiting. Does nothing once closed.

        Returns:
            False if the frame was not sent, because `is_congested` is true.
        """
        if self._connection.is_full:
            return False
        transport = self._transport
        if transport is not None and not (self.response.closed or transport.is_closing()):
            transport.write(frame)
        return True

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close with a close frame. A client that does not respond within two seconds is
        disconnected."""
        try:
            async with asyncio.timeout(2 * _CLOSE_TIMEOUT):
                await self.response.close(code=code, message=reason.encode())
        except (TimeoutError, ConnectionError):
            self.abort()

    @property
    def is_disconnected(self) -> bool:
        """Whether the TCP connection is closed."""
        return is_disconnected(self._native)

    def abort(self) -> None:
        """Close the TCP connection at once, without a close frame."""
        if self._native.transport is not None:
            self._native.transport.abort()


_TEXT_HEADS, _BINARY_HEADS = ([bytes((b, n)) for n in range(126)] for b in (0x81, 0x82))
"""By length, because creating one takes as long as the rest of `encode_frame`."""


def encode_frame(payload: bytes, *, is_text: bool) -> bytes:
    """A whole message as one unmasked frame, as servers send it (RFC 6455 section 5.2)."""
    length = len(payload)
    if length < 126:
        return (_TEXT_HEADS if is_text else _BINARY_HEADS)[length] + payload
    first = 0x81 if is_text else 0x82
    if length < 65536:
        return pack("!BBH", first, 126, length) + payload
    return pack("!BBQ", first, 127, length) + payload


def wants_websocket(native: web.Request) -> bool:
    """Whether *native* asks for an upgrade to a WebSocket."""
    return native.headers.get("Upgrade", "").lower() == "websocket"
