"""What stands between a connection and aiohttp: deadlines, and a place for each.

aiohttp waits for a head as long as the client likes. Here a connection has one timer, which
wakes now and then and looks at a deadline; moving that is all a request pays.
"""

import asyncio
import math
import socket
from typing import cast

from aiohttp import StreamReader, web

from rxkernel.exceptions import HttpException, RequestTimeoutException
from rxkernel.kernel.errors import error_response
from rxkernel.servers.aiohttp.connections import Connections, last_answer

_END_OF_HEAD = b"\r\n\r\n"

_PARTING = 1.0
"""Seconds in which a client that was turned away may read why."""

_MOST_PARTING = 100
"""Connections that get those seconds at a time; the others are closed at once."""

_DEAF = asyncio.Protocol()
"""Takes everything and does nothing: it saves a handler for who is turned away."""

_USER_TIMEOUT: int | None = getattr(socket, "TCP_USER_TIMEOUT", None)
"""Linux only: elsewhere a client may take its answer as slowly as it likes."""


class Guard(asyncio.Protocol):
    """The protocol of one accepted connection; what it lets in goes to aiohttp's handler.

    A head must have come ``http.header_timeout`` seconds after the connection, or after the
    first byte of a further request; between two requests there may be ``http.keepalive_timeout``
    seconds. Half a head that came together with the *body* before it is only seen with its
    next byte, and is closed as an idle connection until then.
    """

    __slots__ = (
        "_body",
        "_connections",
        "_deadline",
        "_feed",
        "_handler",
        "_host",
        "_is_idle",
        "_loop",
        "_server",
        "_tail",
        "_timer",
        "_transport",
    )

    def __init__(self, connections: Connections, server: web.Server) -> None:
        self._connections = connections
        self._server = server
        self._loop = asyncio.get_running_loop()
        self._handler: asyncio.Protocol = _DEAF
        self._is_idle = False
        self._tail = b""
        self._body: StreamReader | None = None

    # --- what the transport calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        self._host: str | None = peer[0] if isinstance(peer, tuple) else None
        refusal = self._connections.admit(self._host)
        if refusal is not None:
            self._turn_away(refusal)
            return
        settings = self._connections.settings
        self._limit_sending(settings.send_timeout)
        self._handler = self._connections.handler(self._server, self._loop)
        self._feed = self._handler.data_received
        self._deadline = self._loop.time() + settings.header_timeout
        self._timer = self._loop.call_at(self._deadline, self._look)
        self._handler.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        if self._is_idle:
            self._is_idle = False
            self._deadline = self._loop.time() + self._connections.settings.header_timeout
        self._tail = data[-4:] if len(data) > 3 else (self._tail + data)[-4:]
        self._feed(data)

    def eof_received(self) -> bool | None:
        return self._handler.eof_received()

    def pause_writing(self) -> None:
        self._handler.pause_writing()

    def resume_writing(self) -> None:
        self._handler.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._timer.cancel()
        if self._handler is _DEAF:
            self._connections.turned_away.discard(self._transport)
            return
        self._connections.leave(self._host)
        if isinstance(exc, TimeoutError):
            self._cross("http.send_timeout", "took no more of its answer")
        self._handler.connection_lost(exc)

    # --- what the server tells

    def begin(self, native: web.BaseRequest) -> None:
        """A head has been read: the client has done its part."""
        self._is_idle = False
        self._deadline = math.inf
        self._body = native.content if native.body_exists else None

    def end(self, _: object = None) -> None:
        """The answer has been written."""
        now, settings, body = self._loop.time(), self._connections.settings, self._body
        if body is not None and not body.is_eof():
            self._deadline = now + self._connections.lingering + settings.keepalive_timeout
        elif body is None and self._tail != _END_OF_HEAD:
            self._deadline = now + settings.header_timeout
        else:
            self._body = None
            self._is_idle = True
            self._deadline = now + settings.keepalive_timeout

    def let_go(self) -> None:
        """It has become a websocket, whose deadlines are its owner's."""
        self._timer.cancel()
        self._limit_sending(0)

    def dismiss(self, answer: bytes) -> None:
        """Say this and close."""
        self._transport.write(answer)
        self._transport.close()

    # --- deadlines

    def _look(self) -> None:
        """Close it or come back: in time for any deadline that is set meanwhile."""
        now = self._loop.time()
        if now < self._deadline:
            when = min(self._deadline, now + self._connections.shortest)
            self._timer = self._loop.call_at(when, self._look)
        elif self._is_idle or self._transport.is_closing():
            self._transport.close()
        elif self._tail:
            self._cross("http.header_timeout", "did not end the head of its request")
            late = RequestTimeoutException("the head did not come in time")
            self.dismiss(last_answer(error_response(late)))
        else:
            self._cross("http.header_timeout", "sent nothing")
            self._transport.close()

    def _cross(self, setting: str, what: str) -> None:
        self._connections.crossed(setting, f"closed a connection of {self._host} that {what}")

    def _limit_sending(self, seconds: float) -> None:
        """Let the system cut the connection once the client has taken nothing for so long.

        Only the system sees all that waits: what sendfile writes does not pass here, and
        what is left when a transport closes is nobody's.
        """
        if _USER_TIMEOUT is not None:
            connection = self._transport.get_extra_info("socket")
            connection.setsockopt(socket.IPPROTO_TCP, _USER_TIMEOUT, math.ceil(seconds * 1000))

    def _turn_away(self, exc: HttpException) -> None:
        """Say why, and read what comes for a moment: closing at once would lose the answer."""
        self._feed = _DEAF.data_received
        parting = self._connections.turned_away
        self._transport.write(last_answer(error_response(exc)))
        delay = _PARTING if len(parting) < _MOST_PARTING else 0.0
        parting.add(self._transport)
        self._timer = self._loop.call_later(delay, self._transport.abort)
        self._transport.write_eof()


def guard_of(native: web.BaseRequest) -> Guard | None:
    """The guard of a request's connection; None where the client has left."""
    transport = native.transport
    return None if transport is None else cast(Guard, transport.get_protocol())
