"""Forwards WebSockets: the handshake, then the messages of both sides."""

import asyncio
from collections.abc import Awaitable, Callable

import attrs
from aiohttp import (
    ClientHandlerType,
    ClientRequest,
    ClientResponse,
    ClientSession,
    ClientWebSocketResponse,
    WSMessage,
    WSMsgType,
)

from bundles.web.proxy.relayed_body import RelayedBody
from rxkernel import WebSocket

HEARTBEAT = 25.0
"""Seconds without data after which the other server is pinged, as `HttpServer` pings clients."""

_CLOSED = (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR)
_NO_CODE, _ABNORMAL, _GOING_AWAY, _INTERNAL_ERROR = 1005, 1006, 1001, 1011
_NEVER_SENT = (1004, _NO_CODE, _ABNORMAL, 1015)
_LONGEST_REFUSAL = 65_536


class HandshakeRefusedError(Exception):
    """The other server has refused the handshake with *response*; *body* is the beginning of its
    body."""

    def __init__(self, response: ClientResponse, body: bytes) -> None:
        super().__init__(response.status)
        self.response = response
        self.body = body


@attrs.define(eq=False)
class Handshake:
    """A middleware of aiohttp that keeps the response to a handshake.

    Attributes:
        response: None before the handshake.
    """

    idle_timeout: float
    response: ClientResponse | None = None

    async def __call__(self, request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        """Raises:
        HandshakeRefusedError: the status is not 101.
        """
        response = await handler(request)
        if response.status != 101:
            body = RelayedBody(response, self.idle_timeout)
            try:
                raise HandshakeRefusedError(response, await _beginning(body))
            finally:
                await body.aclose()
        self.response = response
        return response

    def session(self, shared: ClientSession) -> ClientSession:
        """Return a session with the connections of *shared*, for one handshake."""
        return ClientSession(
            connector=shared.connector,
            connector_owner=False,
            cookie_jar=shared.cookie_jar,
            timeout=shared.timeout,
            skip_auto_headers=shared.skip_auto_headers,
            middlewares=(self,),
        )


async def _beginning(body: RelayedBody) -> bytes:
    found = b""
    async for piece in body:
        found += piece
        if len(found) >= _LONGEST_REFUSAL:
            break
    return found[:_LONGEST_REFUSAL]


async def relay(client: WebSocket, other: ClientWebSocketResponse) -> None:
    """Send the messages of each side to the other one until one of them closes; then close both,
    with the same code.

    If one side does not read, the other one is not read either.
    """
    tasks = [asyncio.create_task(_up(client, other)), asyncio.create_task(_down(client, other))]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        failures = await asyncio.gather(*tasks, return_exceptions=True)
        await other.close(code=_GOING_AWAY)
    await client.close(_GOING_AWAY)  # if it is still open: the other server was lost
    for failure in failures:
        if isinstance(failure, Exception) and not isinstance(failure, ConnectionError):
            raise failure


async def _up(client: WebSocket, other: ClientWebSocketResponse) -> None:
    """Send the messages of *client*, then its close code."""
    async for message in client:
        await _send(message, other.send_str, other.send_bytes)
    code = getattr(client.response, "close_code", None)
    await other.close(code=_GOING_AWAY if client.is_draining else _sendable(code))


async def _down(client: WebSocket, other: ClientWebSocketResponse) -> None:
    """Send the messages of *other*, then its close code and the reason."""
    while (message := await other.receive()).type not in _CLOSED:
        await _send(message.data, client.send, client.send)
    await client.close(_sendable(other.close_code), _reason(message))


async def _send(
    message: str | bytes,
    send_text: Callable[[str], Awaitable[None]],
    send_bytes: Callable[[bytes], Awaitable[None]],
) -> None:
    if isinstance(message, str):
        await send_text(message)
    else:
        await send_bytes(message)


def _reason(message: WSMessage) -> str:
    return message.extra or "" if message.type is WSMsgType.CLOSE else ""


def _sendable(code: int | None) -> int:
    """Return the code to send in a close frame for the *code* of the other side, which may be
    missing or not sendable."""
    if code == _NO_CODE:
        return 1000
    if code is None or code == _ABNORMAL:
        return _GOING_AWAY
    is_known = 1000 <= code <= 1014 or 3000 <= code <= 4999
    return code if is_known and code not in _NEVER_SENT else _INTERNAL_ERROR
