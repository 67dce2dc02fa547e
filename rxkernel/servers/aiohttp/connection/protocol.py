"""What stands between a connection and aiohttp: deadlines, and a place for each.

aiohttp waits for a head as long as the client likes. Here each connection has a deadline,
which a request moves; `ConnectionRegistry` looks at all of them once a second.
"""

import asyncio
import logging
import math
from collections.abc import Callable
from time import monotonic
from typing import Any, cast

from aiohttp import EMPTY_PAYLOAD, StreamReader, web

from rxkernel.exceptions import HttpException, RequestTimeoutException
from rxkernel.messages.connection import ClientAddress
from rxkernel.servers.aiohttp.connection.registry import (
    ConnectionRegistry,
    end_at_once,
    limit_sending,
)
from rxkernel.servers.aiohttp.connection.tcp_info import underway

logger = logging.getLogger(__name__)

_END_OF_HEAD = b"\r\n\r\n"

_NO_REQUEST = b"\0"
"""Behind what the parser could not even refuse, it refuses this."""

_PARTING = 1.0
"""Seconds in which a client that was turned away may read why."""

_MOST_PARTING = 100
"""Connections that get those seconds at a time; the others are closed at once."""

DEAF = asyncio.Protocol()
"""Takes everything and does nothing: a handler for who has none, or none yet."""


class HttpConnection(asyncio.Protocol):
    """The protocol of one accepted connection; what it lets in goes to aiohttp's handler.

    A head must have come ``http.header_timeout`` seconds after the connection, or after the
    first byte of a further request; between two requests there may be ``http.keepalive_timeout``
    seconds. Half a head that came together with the *body* before it is only seen with its
    next byte, and is closed as an idle connection until then. While something is on its way to the
    client, it must take some of it every ``http.send_timeout`` seconds.

    ``left`` is called once the connection is lost: aiohttp tells its handlers only by cancelling
    them. A stream, which may be silent for long, sets it while it is sent.

    ``exchange`` is the request that the kernel answers now, if one does, of type `Exchange`.
    While it ``is_full`` the client has to take something before more is sent.
    ``peer`` is who is connected, which may be a proxy; None where it has no address.
    """

    __slots__ = (
        "_body",
        "_connections",
        "_handler",
        "_is_admitted",
        "_is_cut",
        "_is_idle",
        "_network",
        "_patience",
        "_server",
        "_tail",
        "_taken",
        "_task",
        "_transport",
        "deadline",
        "exchange",
        "is_full",
        "left",
        "peer",
        "settled",
    )

    def __init__(self, connections: ConnectionRegistry, server: web.Server) -> None:
        self._connections = connections
        self._server = server
        self._handler: asyncio.Protocol = DEAF
        self._is_admitted = False
        self._is_idle = False
        self._tail = b""
        self._body: StreamReader = EMPTY_PAYLOAD
        self._task: asyncio.Task[Any] | None = None
        self._taken = 0
        self._patience = math.inf
        self._is_cut = False
        self.settled = 0.0
        self.left: Callable[[], None] | None = None
        self.exchange: Any = None
        self.is_full = False

    # --- what the transport calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        connections = self._connections
        self._transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        self.peer = ClientAddress(peer[0], peer[1]) if isinstance(peer, tuple) else None
        self._network = None if self.peer is None else connections.network(self.peer.host)
        refusal = connections.admit(self._network)
        if refusal is not None:
            self._turn_away(refusal)
            return
        self._is_admitted = True
        self.deadline = monotonic() + connections.header_timeout
        connections.watch(self)
        self._open()

    def _open(self) -> None:
        """Have aiohttp serve the connection."""
        self._handler = handler = self._connections.handler(self._server)
        handler.guard = self
        handler.connection_made(self._transport)

    def data_received(self, data: bytes) -> None:
        if self._is_idle or self._has_become_idle():
            self._is_idle = False
            self.deadline = monotonic() + self._connections.header_timeout
        self._tail = data[-4:] if len(data) > 3 else (self._tail + data)[-4:]
        try:
            self._handler.data_received(data)
        except Exception:  # yarl raises IndexError for "http://[::1]@/"
            logger.debug("the parser itself failed", exc_info=True)
            self._handler.data_received(_NO_REQUEST)

    def eof_received(self) -> bool | None:
        return self._handler.eof_received()

    def pause_writing(self) -> None:
        self.is_full = True
        self._handler.pause_writing()

    def resume_writing(self) -> None:
        self.is_full = False
        self._handler.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._is_admitted:
            self._connections.turned_away.discard(self._transport)
            return
        self._connections.unwatch(self)
        self._connections.leave(self._network)
        # what the system still holds for the client is nobody's from now on
        limit_sending(self._transport, self._connections.send_timeout)
        if isinstance(exc, TimeoutError):
            self._cross("http.send_timeout", "took no more of its answer")
        self._handler.connection_lost(exc)
        if self._task is None and self._body is not EMPTY_PAYLOAD:
            self._body.feed_eof()  # aiohttp waits for the rest, which nobody wants
        self._handler = DEAF  # no cycle is left to collect
        if self.left is not None:
            self.left()

    # --- what the server tells

    def claim(self) -> Any:
        """The exchange that is to be delivered, where another lane has run the request."""
        return None

    def answers(self, out: web.StreamResponse) -> None:
        """*out* is what the request is answered with."""

    def begin(self, task: "asyncio.Task[Any]", body: StreamReader) -> None:
        """The head of a request has been read, which *task* answers: the client has done its
        part."""
        self._task = task
        self._is_idle = False
        self.deadline = math.inf
        self._body = body

    def end(self, task: "asyncio.Task[Any]") -> None:
        """*task* has written the answer."""
        connections, body = self._connections, self._body
        connections.in_flight.discard(task)
        if task is not self._task:
            return  # the next request has begun meanwhile, which an eager task does at once
        self._task = None
        now = monotonic()
        if body is EMPTY_PAYLOAD:
            self._is_idle = self._tail == _END_OF_HEAD
        else:
            self._is_idle = body.is_eof()
        if self._is_idle:
            self._body = EMPTY_PAYLOAD
            self.deadline = now + connections.keepalive_timeout
        elif body is EMPTY_PAYLOAD:
            self.deadline = now + connections.header_timeout
        else:
            self.deadline = now + connections.lingering + connections.keepalive_timeout

    def _has_become_idle(self) -> bool:
        """Whether the rest of a body has come that was not there when its request was answered."""
        body = self._body
        if self._task is not None or body is EMPTY_PAYLOAD or not body.is_eof():
            return False
        self._body = EMPTY_PAYLOAD
        return True

    def let_go(self) -> None:
        """It has become a websocket, whose deadlines are its owner's."""
        self._connections.unwatch(self)

    # --- deadlines

    def expire(self) -> None:
        """Close it for its deadline; half a head is told."""
        self.deadline = math.inf
        if self._is_idle or self._has_become_idle() or self._transport.is_closing():
            self._transport.close()
        elif self._tail:
            self._cross("http.header_timeout", "did not end the head of its request")
            late = RequestTimeoutException("the head did not come in time")
            self._transport.write(self._connections.farewell(late))
            self._transport.close()
        else:
            self._cross("http.header_timeout", "sent nothing")
            self._transport.close()

    def look(self, now: float) -> None:
        """See how the client takes what is on its way, and cut it off if it takes nothing."""
        if self._is_cut:
            self._transport.abort()
            return
        way = underway(self._transport)
        if way.has_left and self._is_deaf_behind_a_stream():
            self._transport.abort()
        elif not way.is_waiting:
            self._patience = math.inf
            if self.deadline < math.inf:
                self.settled = self.deadline
        elif way.taken != self._taken or self._patience == math.inf:
            self._taken = way.taken
            self._patience = now + self._connections.send_timeout
        elif self._patience <= now:
            self._cut()

    def _is_deaf_behind_a_stream(self) -> bool:
        """Whether nobody would hear that the client leaves: so much is pipelined behind a stream,
        which may be silent, that nothing more is read."""
        return self.left is not None and not self._transport.is_reading()

    def _cut(self) -> None:
        """End the connection now, and give up what is left at the next look: until then a
        sendfile of aiohttp's can hear of it, which an aborted transport would leave waiting."""
        self._is_cut = True
        self._cross("http.send_timeout", "took no more of its answer")
        end_at_once(self._transport)

    def _cross(self, setting: str, what: str) -> None:
        whose = self._network or "a proxy"
        self._connections.crossed(setting, f"closed a connection of {whose} that {what}")

    def _turn_away(self, exc: HttpException) -> None:
        """Say why, and read what comes for a moment: closing at once would lose the answer."""
        parting = self._connections.turned_away
        self._transport.write(self._connections.farewell(exc))
        delay = _PARTING if len(parting) < _MOST_PARTING else 0.0
        parting.add(self._transport)
        asyncio.get_running_loop().call_later(delay, self._transport.abort)
        self._transport.write_eof()
