"""The protocol of one HTTP connection: enforces its timeouts, and passes its data to aiohttp.

aiohttp waits for a request head without a timeout. Here each connection has a deadline, which is
reset by each request. `DeadlineTimer` checks all deadlines about once a second.
"""

import asyncio
import logging
import math
from time import monotonic
from typing import Any, cast

from aiohttp import EMPTY_PAYLOAD, StreamReader, web

from rxkernel.exceptions import HttpException, RequestTimeoutException
from rxkernel.messages.connection import ClientAddress
from rxkernel.messages.disconnect_callbacks import Callback, DisconnectCallbacks
from rxkernel.servers.aiohttp.connection import socket_options, tcp_info
from rxkernel.servers.aiohttp.connection.client_connection import ClientConnection
from rxkernel.servers.aiohttp.connection.mounted_connection import MOUNTED
from rxkernel.servers.aiohttp.connection.registry import ConnectionRegistry
from rxkernel.servers.aiohttp.connection.rejected import RejectedConnection
from rxkernel.servers.aiohttp.connection.start_order import Ticket

logger = logging.getLogger(__name__)

_END_OF_HEAD = b"\r\n\r\n"

_MALFORMED = b"\0"
"""Data to which aiohttp's handler responds with 400."""

_PARSER_ERROR = "parser error"
"""The counter of unexpected exceptions of aiohttp's parser."""

_NO_TLS: set[asyncio.Transport] = set()

NO_HANDLER = asyncio.Protocol()
"""Ignores all data. Used while aiohttp's handler has not been created."""


class HttpConnection(asyncio.Protocol):
    """One accepted connection, in front of aiohttp's handler.

    The first request head must arrive within ``http.header_timeout`` seconds, each later one
    within the same time after its first byte. Between two requests the connection may be idle for
    ``http.keepalive_timeout`` seconds. If the first part of a head arrives together with the body
    before it, the connection counts as idle until the next part arrives. While data is being sent,
    the client must receive some of it every ``http.send_timeout`` seconds.

    Attributes:
        deadline, sent_deadline: see `Watched`.
        is_full: whether the write buffer is full, so that nothing more should be written.
        peer: the address of the client or of a proxy; None on a Unix socket.
    """

    decodes_bodies = False

    __slots__ = (
        "_acknowledged",
        "_body",
        "_connections",
        "_disconnect_callbacks",
        "_handler",
        "_is_kept_alive",
        "_is_reset",
        "_network",
        "_open_tls",
        "_send_deadline",
        "_server",
        "_tail",
        "_task",
        "_tcp",
        "_ticket",
        "_transport",
        "_writable",
        "deadline",
        "is_full",
        "peer",
        "sent_deadline",
    )

    def __init__(self, connections: ConnectionRegistry, server: web.Server) -> None:
        self._connections = connections
        self._server = server
        self._handler: asyncio.Protocol = NO_HANDLER
        self._is_kept_alive = False  # the keep-alive timeout runs: the next byte begins a head
        self._tail = b""
        self._body: StreamReader = EMPTY_PAYLOAD
        self._task: asyncio.Task[Any] | None = None
        self._ticket: Ticket | None = None
        self._acknowledged = 0
        self._send_deadline = math.inf
        self._is_reset = False
        self._open_tls = _NO_TLS
        self.sent_deadline = 0.0
        self._disconnect_callbacks: DisconnectCallbacks | None = None
        self._writable: asyncio.Event | None = None
        self.is_full = False

    # --- called by the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        connections = self._connections
        self._transport = self._tcp = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        self.peer = ClientAddress(peer[0], peer[1]) if isinstance(peer, tuple) else None
        self._network = None if self.peer is None else connections.network(self.peer.host)
        error = connections.admit(self._network)
        if error is not None:
            rejected = RejectedConnection(self._transport, connections.rejected)
            rejected.reject(connections.final_response(error))
            return
        self.deadline = monotonic() + connections.header_timeout
        connections.deadline_timer.watch(self)
        self._open()

    def set_tcp(
        self, tcp: asyncio.Transport, open_tls: set[asyncio.Transport], deadline: float
    ) -> None:
        """Set *tcp*, the transport below TLS, which is removed from *open_tls* when the connection
        is lost. The first head must arrive by *deadline*.

        Timeouts use *tcp*: asyncio's TLS transport no longer works after it was closed twice.
        """
        self._tcp = tcp
        self._open_tls = open_tls
        self.deadline = deadline

    def _open(self) -> None:
        """Create aiohttp's handler, after the connection was admitted."""
        self._handler = handler = self._connections.new_handler(self._server)
        handler.connection = self
        handler.connection_made(self._transport)

    def data_received(self, data: bytes) -> None:
        if self._task is None and (self._is_kept_alive or self._has_become_idle()):
            self._is_kept_alive = False
            self.deadline = monotonic() + self._connections.header_timeout
        self._tail = data[-4:] if len(data) > 3 else (self._tail + data)[-4:]
        try:
            self._handler.data_received(data)
        except (IndexError, ValueError):  # raised by yarl for targets such as "http://[::1]@/"
            logger.debug("malformed request target", exc_info=True)
            self._handler.data_received(_MALFORMED)
        except Exception:
            self._connections.counts[_PARSER_ERROR] += 1
            self._connections.log_error(_PARSER_ERROR)
            self._handler.data_received(_MALFORMED)
        if (self._task is None or self._task.done()) and (
            self._ticket is None or self._ticket.is_done
        ):
            self._ticket = self._connections.start_order.draw()

    def eof_received(self) -> bool | None:
        return self._handler.eof_received()

    def pause_writing(self) -> None:
        self.is_full = True
        self._handler.pause_writing()

    def resume_writing(self) -> None:
        self.is_full = False
        self._handler.resume_writing()
        self._end_waits()

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.deadline_timer.unwatch(self)
        self._connections.release(self._network)
        self._open_tls.discard(self._tcp)
        # the system may have data left to send, to which the timeouts here no longer apply
        socket_options.limit_unsent(self._tcp, self._connections.send_timeout)
        if isinstance(exc, TimeoutError):
            self._record_timeout("http.send_timeout", "send timeout")
        self._handler.connection_lost(exc)
        if self._task is None and self._body is not EMPTY_PAYLOAD:
            self._body.feed_eof()  # otherwise aiohttp waits for the rest of the body
        self._handler = NO_HANDLER  # break the reference cycle
        self._end_waits()
        if self._disconnect_callbacks is not None:
            self._disconnect_callbacks.run()

    # --- called by aiohttp's handler

    def record(self, setting: str, event: str) -> None:
        self._connections.record(setting, event)

    def send_final_response(self, exc: HttpException, native: web.BaseRequest) -> int:
        data = self._connections.final_response(exc, native)
        if not self._transport.is_closing():
            self._transport.write(data)
        return len(data)

    # --- called while a request is handled

    async def wait_to_start(self) -> None:
        """Wait until the requests that were read before this one have started."""
        if self._ticket is not None:
            await self._connections.start_order.wait(self._ticket)

    def begin_request(self, body: StreamReader) -> "asyncio.Task[Any]":
        """Stop the timeouts until the current task, which handles a request, has ended. Return it.

        The head of the request has been read.
        """
        task = asyncio.current_task()
        assert task is not None
        task.add_done_callback(self.end_request)
        self._task = task
        self._ticket = None
        self._is_kept_alive = False
        self.deadline = math.inf
        self._body = body
        return task

    async def drain(self) -> None:
        if self.is_full:
            if self._writable is None:
                self._writable = asyncio.Event()
            await self._writable.wait()
            if self._handler is NO_HANDLER:
                raise ConnectionResetError("the connection is lost")

    def _end_waits(self) -> None:
        if self._writable is not None:
            self._writable.set()
            self._writable = None

    def when_disconnected(self, callback: Callback) -> Callback:
        """See `Request.when_disconnected`.

        A stream calls it while it is being sent: a source that is silent for long would not notice
        the lost connection.
        """
        if self._disconnect_callbacks is None:
            has_run = self._transport.is_closing()
            self._disconnect_callbacks = DisconnectCallbacks(has_run=has_run)
        return self._disconnect_callbacks.add(callback)

    def set_response(self, out: web.StreamResponse) -> None:
        """Called with the response to the request, before it is sent."""

    def end_request(self, task: "asyncio.Task[Any]") -> None:
        """Restart the timeouts after *task* has sent the response. A second call for the same task
        does nothing."""
        connections, body = self._connections, self._body
        connections.in_flight.discard(task)
        if task is not self._task:
            return  # called before, or an eager task has begun the next request already
        self._task = None
        now = monotonic()
        if body is EMPTY_PAYLOAD:
            self._is_kept_alive = self._tail == _END_OF_HEAD
        else:
            self._is_kept_alive = body.is_eof()
        if self._is_kept_alive:
            self._body = EMPTY_PAYLOAD
            self.deadline = now + connections.keepalive_timeout
        elif body is EMPTY_PAYLOAD:
            self.deadline = now + connections.header_timeout
        else:
            self.deadline = now + connections.lingering_time + connections.keepalive_timeout

    def _has_become_idle(self) -> bool:
        """Whether the body, incomplete when the response was sent, has arrived since."""
        body = self._body
        if self._task is not None or body is EMPTY_PAYLOAD or not body.is_eof():
            return False
        self._body = EMPTY_PAYLOAD
        return True

    def stop_timeouts(self) -> None:
        """Stop enforcing timeouts, after an upgrade to a protocol with timeouts of its own."""
        self._connections.deadline_timer.unwatch(self)

    # --- timeouts

    def expire(self) -> None:
        """Close the connection. A client that has sent a part of a head gets a response."""
        self.deadline = math.inf
        if self._transport.is_closing():
            return
        if self._is_kept_alive or self._has_become_idle():
            self._transport.close()
            return
        self._record_timeout("http.header_timeout", "header timeout")
        if self._tail:
            error = RequestTimeoutException("the request head did not arrive in time")
            self._transport.write(self._connections.final_response(error))
        self._transport.close()

    def check_sending(self, now: float) -> None:
        """Reset the connection if the client has received nothing within the send timeout."""
        if self._is_reset:
            self._tcp.abort()
            return
        progress = tcp_info.read(self._tcp)
        if progress.has_closed and self._hides_close():
            self._tcp.abort()
        elif not progress.is_pending and self._transport.is_closing():
            self._tcp.abort()  # the client has received the ``close_notify`` of TLS
        elif not progress.is_pending:
            self._send_deadline = math.inf
            if self.deadline < math.inf:
                self.sent_deadline = self.deadline
        elif progress.acknowledged != self._acknowledged or self._send_deadline == math.inf:
            self._acknowledged = progress.acknowledged
            self._send_deadline = now + self._connections.send_timeout
        elif self._send_deadline <= now:
            self._reset()

    def _hides_close(self) -> bool:
        """Whether neither reading nor writing would notice a close by the client: the request
        waits for the client, and reading is paused because many requests are waiting."""
        return bool(self._disconnect_callbacks) and not self._transport.is_reading()

    def _reset(self) -> None:
        """Reset the connection in the system; the next check aborts the transport. aiohttp's
        sendfile notices the reset, but would wait forever after an abort."""
        self._is_reset = True
        self._record_timeout("http.send_timeout", "send timeout")
        socket_options.reset(self._tcp)

    def _record_timeout(self, setting: str, reason: str) -> None:
        self._connections.record(setting, f"closed {self._network or 'a proxy'}: {reason}")


def connection_of(native: web.BaseRequest) -> ClientConnection:
    """The connection of *native*, also after it was lost."""
    handler: Any = native.protocol
    try:
        # `HttpConnection` creates the handlers of rxkernel's ports and sets this attribute
        connection: HttpConnection = handler.connection
    except AttributeError:  # a handler of aiohttp, which created it for its own port
        return native[MOUNTED]
    return connection
