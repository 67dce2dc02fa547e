"""A connection that a supervisor has accepted, and that may move to another worker.

Browsers and proxies send requests of several sessions over one connection. If the next request is
for a session of another worker, the connection moves there before anything reads the request.
"""

import asyncio
import os
import socket
from contextlib import suppress
from typing import Any

import attrs

from rxkernel.servers.aiohttp.connection.protocol import HttpConnection
from rxkernel.servers.aiohttp.fast_path.protocol import FastPathConnection
from rxkernel.servers.aiohttp.fast_path.states import IDLE
from rxkernel.servers.aiohttp.shared_connection import SharedConnection
from rxkernel.servers.workers.passed_sockets import PassedSockets
from rxkernel.servers.workers.session_ids import worker_of


@attrs.define(eq=False)
class Passed:
    """How a connection has arrived, and how it moves on.

    Attributes:
        received: what other processes have read of it.
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
        if self.passed.received and self._transport.get_protocol() is self:  # not rejected
            self.data_received(self.passed.received)

    def data_received(self, data: bytes) -> None:
        passed = self.passed
        if passed.is_chosen:
            passed.is_chosen = False
        elif (
            (worker := worker_of(data)) is not None
            and worker != passed.sockets.worker
            and self._is_between_requests()
        ):
            passed.descriptor = os.dup(self._transport.get_extra_info("socket").fileno())
            passed.unread = data
            self._transport.pause_reading()  # the rest of the request is left in the system
            self._transport.abort()  # which closes the other descriptor
            return
        super().data_received(data)

    def _is_between_requests(self) -> bool:
        """Whether the next byte begins a request, and all responses are sent."""
        if (task := self._task) is not None and task.done():
            self.end_request(task)  # uvloop reads before it calls the callbacks of tasks
        return not self._transport.is_closing() and not self._transport.get_write_buffer_size()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        descriptor, self.passed.descriptor = self.passed.descriptor, None
        if descriptor is not None:
            _reset_user_timeout(descriptor)
            self.passed.sockets.send_back(descriptor, self.passed.unread)


class MovingHttpConnection(MovingConnection):
    __slots__ = ("passed",)

    def _is_between_requests(self) -> bool:
        return (
            super()._is_between_requests()
            and self._task is None
            and (self._is_kept_alive or not self._tail)
        )


class MovingFastPathConnection(MovingConnection, FastPathConnection):
    __slots__ = ("passed",)

    def _is_between_requests(self) -> bool:
        return super()._is_between_requests() and self._state is IDLE and not self._waiting


class MovingSharedConnection(MovingConnection, SharedConnection):
    __slots__ = ("passed",)

    def _is_between_requests(self) -> bool:
        return super()._is_between_requests() and self._state is IDLE and not self._waiting


Moving = MovingHttpConnection | MovingFastPathConnection | MovingSharedConnection

MOVING: dict[type[HttpConnection], type[Moving]] = {
    HttpConnection: MovingHttpConnection,
    FastPathConnection: MovingFastPathConnection,
    SharedConnection: MovingSharedConnection,
}
"""By class of a connection, the one whose connections can move."""


def _reset_user_timeout(descriptor: int) -> None:
    """Undo what `socket_options.limit_unsent` has set, as for every lost connection."""
    option: Any = getattr(socket, "TCP_USER_TIMEOUT", None)
    if option is not None:
        with suppress(OSError), socket.socket(fileno=os.dup(descriptor)) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, option, 0)
