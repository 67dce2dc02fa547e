"""The WebSocket that a bundle receives for a path of its own."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Self

import attrs
from aiohttp import WSMsgType, hdrs, web
from multidict import CIMultiDict

from rxkernel.exceptions import (
    ForbiddenException,
    RxKernelError,
    ServiceUnavailableException,
)
from rxkernel.headers import Headers
from rxkernel.messages.connection import ClientAddress
from rxkernel.messages.request import Request
from rxkernel.messages.response import Response
from rxkernel.servers.aiohttp.site import origin_of
from rxkernel.servers.aiohttp.websocket_stream import (
    WebSocketProtocolError,
    WebSocketStream,
    encode_frame,
)
from rxkernel.servers.disconnect_reason import DisconnectReason
from rxkernel.servers.http.forwarded import ForwardedHeaders
from rxkernel.servers.limits import LimitCounters

BeforeHandshake = Callable[[], Awaitable[Headers]]
"""Waits until the handshake may be sent, and returns headers for it."""

_TOO_BIG = 1009
_LONGEST_REASON = 123
"""Bytes of a reason that fit into a close frame (RFC 6455 section 5.5)."""


@attrs.frozen(kw_only=True)
class WebSocketLimits:
    """The limits of the WebSockets of one path.

    Attributes:
        max_size: bytes of a message.
        heartbeat: seconds of silence after which the client is pinged. It must respond within half
            of that.
    """

    max_size: int
    heartbeat: float


class WebSocket:
    """One WebSocket of `HttpServer.websocket` or `HttpServer.upgrade`.

    Attributes:
        request: the handshake as a kernel `Request`: headers, cookies, params, client, url.
        client: ``(host, port)`` of the client, as trusted proxies report it.
        protocol: the subprotocol that was accepted, or None.
        is_draining: whether the server is stopping, so that `accept` raises.
        rejection: the response that was passed to `reject`.
        reason: the reason why it was closed; None while it is open.
    """

    def __init__(
        self,
        native: web.Request,
        request: Request,
        limits: WebSocketLimits,
        counters: LimitCounters,
        headers: Mapping[str, str],
        forwarded: ForwardedHeaders,
        before_handshake: BeforeHandshake | None = None,
    ) -> None:
        self.request = request
        self.protocol: str | None = None
        self._native = native
        self._limits = limits
        self._counters = counters
        self._headers = headers
        self._forwarded = forwarded
        self._before_handshake = before_handshake
        self._is_accepting = False
        self._stream: WebSocketStream | None = None
        self.is_draining = False
        self.rejection: Response | None = None
        self.reason: DisconnectReason | None = None

    @property
    def client(self) -> ClientAddress | None:
        return self.request.client

    @property
    def site(self) -> str:
        """Scheme and host that the client connected to, as `Connection.site`."""
        return origin_of(self._native, self._forwarded)

    @property
    def protocols(self) -> tuple[str, ...]:
        """The subprotocols that the client offers, its preferred one first."""
        lines = self._native.headers.getall(hdrs.SEC_WEBSOCKET_PROTOCOL, ())
        return tuple(name.strip() for line in lines for name in line.split(",") if name.strip())

    @property
    def is_accepted(self) -> bool:
        """Whether the handshake has been completed."""
        return self._stream is not None

    @property
    def is_closed(self) -> bool:
        """Whether the client or the server has closed it."""
        stream = self._stream
        return stream is not None and (stream.response.closed or stream.is_disconnected)

    async def accept(
        self, protocol: str | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        """Complete the handshake; *headers* are added to the response.

        In the action of a route, see `HttpServer.upgrade`, it waits for the response listeners.

        Raises:
            ValueError: the client does not offer *protocol*, or a header is invalid.
            RxKernelError: the WebSocket has been accepted already.
            ServiceUnavailableException: the server is stopping.
            ForbiddenException: `reject` was called.
            ConnectionError: the client has disconnected.
        """
        if self._is_accepting:
            raise RxKernelError("the WebSocket is already accepted; call accept() only once")
        if protocol is not None and protocol not in self.protocols:
            offered = ", ".join(self.protocols) or "no protocol"
            raise ValueError(
                f"the client does not offer the protocol {protocol!r}; it offers {offered}"
            )
        added = CIMultiDict(Headers(headers or {}))
        self._is_accepting = True
        if self._before_handshake is not None:
            added.extend(await self._before_handshake())
        added.update(self._headers)
        if self.is_draining:
            raise ServiceUnavailableException("the server is stopping")
        if self.rejection is not None:
            raise ForbiddenException("the WebSocket was rejected")
        self._stream = await WebSocketStream.accept(
            self._native,
            self._limits.max_size,
            added,
            protocols=() if protocol is None else (protocol,),
            heartbeat=self._limits.heartbeat,
        )
        self.protocol = protocol

    def reject(self, response: Response) -> None:
        """Send *response* instead of the handshake, when the function of the path returns. To send
        a standard error response, raise an `HttpException` instead.

        Raises:
            RxKernelError: the WebSocket has been accepted already.
        """
        if self._stream is not None:
            raise RxKernelError("the WebSocket is already accepted; call close() instead")
        self.rejection = response

    async def receive(self) -> str | bytes | None:
        """The next message; None once it is closed. Only one task may receive at a time.

        A message that is too large, or breaks the protocol, closes the WebSocket.
        """
        stream = self._stream or self._accepted
        if stream.response.closed:
            self.reason = self.reason or _reason(stream.response)
            return None
        message = await stream.receive_raw()
        if message.type is WSMsgType.TEXT:
            text: str = message.data
            return text
        try:
            data = stream.decode(message)
        except WebSocketProtocolError as exc:
            self._failed(exc)
            return None
        if data is None:
            self.reason = self.reason or _reason(stream.response)
        return data

    def _failed(self, exc: WebSocketProtocolError) -> None:
        """Record that *exc* has closed it."""
        counter, error = "protocol error", str(exc)[:100]
        self.reason = DisconnectReason.TRANSPORT_ERROR
        if exc.code == _TOO_BIG:
            counter = "websocket.max_size"
            error = f"a message is larger than {self._limits.max_size} bytes"
            self.reason = DisconnectReason.LIMIT
        client = "a client" if self.client is None else self.client.host
        event = f"closed a WebSocket of {client} for {self.request.path}: {error}"
        self._counters.record(counter, event)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> str | bytes:
        message = await self.receive()
        if message is None:
            raise StopAsyncIteration
        return message

    async def send(self, message: str | bytes) -> None:
        """Send *message*; wait while the client does not read, for ``http.send_timeout`` at most.

        Several tasks may send. *message* is sent even if the task is cancelled while it waits.

        Raises:
            ConnectionError: the WebSocket is closed.
        """
        stream = self._accepted
        if self.is_closed:
            raise ConnectionResetError("the WebSocket is closed")
        await stream.send(message)

    @property
    def is_congested(self) -> bool:
        """Whether the client reads more slowly than data is sent."""
        return self._accepted.is_congested

    def send_text(self, text: bytes) -> bool:
        """Send *text*, a whole message in UTF-8, without waiting. Does nothing once closed.

        Returns:
            False if *text* was not sent, because `is_congested` is true; use `send`, which waits.
        """
        return (self._stream or self._accepted).write(encode_frame(text, is_text=True))

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close it. Does nothing if it is closed already.

        Raises:
            ValueError: *code* must not be sent (RFC 6455 section 7.4), or *reason* is longer than
                123 bytes.
        """
        stream = self._accepted
        if not (1000 <= code <= 1003 or 1007 <= code <= 1014 or 3000 <= code <= 4999):
            raise ValueError(f"invalid close code {code}; use 1000, or a code from 4000 to 4999")
        if (size := len(reason.encode())) > _LONGEST_REASON:
            raise ValueError(f"the reason must have at most {_LONGEST_REASON} bytes, got {size}")
        self.reason = self.reason or DisconnectReason.SERVER
        await stream.close(code, reason)

    @property
    def _accepted(self) -> WebSocketStream:
        if self._stream is None:
            raise RxKernelError(
                "the WebSocket is not accepted yet; call websocket.accept() first, or raise an "
                "HttpException to reject it"
            )
        return self._stream

    @property
    def response(self) -> web.StreamResponse:
        """aiohttp's response to the handshake."""
        return self._accepted.response


def _reason(response: web.WebSocketResponse) -> DisconnectReason:
    """Return the reason why *response*, which the server has not closed, has ended.

    A browser sends 1001 when its page is closed; the ``close`` methods of clients send 1000 or no
    code.
    """
    if isinstance(response.exception(), TimeoutError):
        return DisconnectReason.PING_TIMEOUT
    code = response.close_code
    if code in (1000, 1005) or (code is not None and code >= 3000):
        return DisconnectReason.CLIENT
    return DisconnectReason.TRANSPORT_CLOSE
