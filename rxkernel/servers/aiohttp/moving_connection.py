"""A connection that a supervisor has accepted, and that may move to another worker.

Browsers and proxies send requests of several sessions over one connection. If the next request is
for a session of another worker, the connection moves there before anything reads the request. If
the request begins a session, the connection goes back to the supervisor, which gives all workers
the same number of sessions.

The connection does not move, and Engine.IO does not find the session, if the request was sent
before the previous response (pipelining), or if its first line does not arrive as a whole.
"""

import asyncio
import os

import attrs
from aiohttp import EMPTY_PAYLOAD, web

from rxkernel.servers.aiohttp.connection.protocol import HttpConnection
from rxkernel.servers.aiohttp.connection.socket_options import unlimit_unsent
from rxkernel.servers.aiohttp.fast_path.protocol import FastPathConnection
from rxkernel.servers.aiohttp.fast_path.states import AIOHTTP_ONLY, IDLE
from rxkernel.servers.aiohttp.shared_connection import SharedConnection
from rxkernel.servers.workers.passed_sockets import PassedSockets
from rxkernel.servers.workers.session_ids import is_for_another


@attrs.define(eq=False)
class Passed:
    """State of a connection that moves between processes.

    Attributes:
        received: the data that other processes have read from it.
        is_chosen: whether the supervisor has chosen this worker for the next request.
        descriptor: a second descriptor of a connection that moves, otherwise None.
        unread: the request for the other worker.
    """

    sockets: PassedSockets
    received: bytes
    is_chosen: bool
    descriptor: int | None = None
    unread: bytes = b""


class MovingConnection(HttpConnection):
    """A mix-in for the classes of connections; ``passed`` is set before `connection_made`."""

    __slots__ = ()

    passed: Passed

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if self.passed.received and self._transport.get_protocol() is self:  # it was not rejected
            self.data_received(self.passed.received)

    def data_received(self, data: bytes) -> None:
        passed = self.passed
        if passed.is_chosen:
            passed.is_chosen = False
        elif is_for_another(data, passed.sockets.worker) and self._is_between_requests():
            passed.descriptor = os.dup(self._transport.get_extra_info("socket").fileno())
            passed.unread = data
            self._transport.pause_reading()  # the rest of the request is left in the system
            self._transport.abort()  # closes this descriptor only
            return
        super().data_received(data)

    def _is_between_requests(self) -> bool:
        """Whether the next byte begins a request, and all responses are sent."""
        if (task := self._task) is not None and task.done():
            self.end_request(task)  # uvloop reads before it calls the callbacks of tasks
        return not self._transport.is_closing() and not self._transport.get_write_buffer_size()

    def set_response(self, out: web.StreamResponse) -> None:
        """Close the connection after this response if it could not move any more."""
        super().set_response(out)
        if self._loses_track():
            out.force_close()

    def _loses_track(self) -> bool:
        """Whether the beginning of the next request will be unknown, because the response is sent
        before this request has ended."""
        return self._body is not EMPTY_PAYLOAD and not self._body.is_eof()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        descriptor, self.passed.descriptor = self.passed.descriptor, None
        if descriptor is not None:
            unlimit_unsent(descriptor)  # `HttpConnection` limits every lost connection
            self.passed.sockets.send_back(descriptor, self.passed.unread)


class MovingHttpConnection(MovingConnection):
    __slots__ = ("passed",)

    def _is_between_requests(self) -> bool:
        return (
            super()._is_between_requests()
            and self._task is None
            and (self._is_kept_alive or not self._tail)
        )


class _WithFastPath(MovingConnection, FastPathConnection):
    __slots__ = ()

    def _is_between_requests(self) -> bool:
        return super()._is_between_requests() and self._state is IDLE and not self._waiting

    def _loses_track(self) -> bool:
        return self._state is AIOHTTP_ONLY or super()._loses_track()


class MovingFastPathConnection(_WithFastPath):
    __slots__ = ("passed",)


class MovingSharedConnection(_WithFastPath, SharedConnection):
    __slots__ = ("passed",)


Moving = MovingHttpConnection | MovingFastPathConnection | MovingSharedConnection

MOVING: dict[type[HttpConnection], type[Moving]] = {
    HttpConnection: MovingHttpConnection,
    FastPathConnection: MovingFastPathConnection,
    SharedConnection: MovingSharedConnection,
}
"""For each class of connections, its subclass whose connections can move."""
