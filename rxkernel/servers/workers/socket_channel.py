"""Messages with sockets, between a supervisor and one worker (``SCM_RIGHTS``, unix(7))."""

import asyncio
import os
import socket
from collections import deque
from collections.abc import Callable

from rxkernel.exceptions import ConfigurationError

MAX_DATA = 256 * 1024
"""Bytes of a message; the most that asyncio and uvloop read from a socket at once."""

_MAX_QUEUED = 1024
"""Messages that wait until the other process reads. Each holds a connection open."""

_MESSAGES_PER_TURN = 64

Receive = Callable[[bytes, int | None], None]


class SocketChannel:
    """One end of a pair of `socket_pair`. Messages arrive whole and in order.

    Args:
        end: the channel owns it from now on.
        receive: called with each message: its data, and a file descriptor which the receiver
            owns, or None.
        closed: called once, when the other end is closed.
    """

    def __init__(self, end: socket.socket, receive: Receive, closed: Callable[[], None]) -> None:
        end.setblocking(False)
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2 * MAX_DATA)
        self._end = end
        self._receive = receive
        self._closed = closed
        self._queue: deque[tuple[bytes, int | None]] = deque()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(end.fileno(), self._read)

    @property
    def is_full(self) -> bool:
        """Whether the other process has not read for so long that further messages are lost."""
        return len(self._queue) >= _MAX_QUEUED

    def send(self, data: bytes, descriptor: int | None = None) -> bool:
        """Send a message now or as soon as possible; return False if that is not possible.

        The channel owns *descriptor* from now on, and closes it in every case.
        """
        if self._end.fileno() < 0 or self.is_full or len(data) > MAX_DATA + 1:
            _close(descriptor)
            return False
        if not self._queue:
            try:
                self._write(data, descriptor)
            except BlockingIOError:
                self._loop.add_writer(self._end.fileno(), self._write_queued)
            except OSError:
                _close(descriptor)
                return False
            else:
                return True
        self._queue.append((data, descriptor))
        return True

    def _write(self, data: bytes, descriptor: int | None) -> None:
        if descriptor is None:
            self._end.send(data)
        else:
            socket.send_fds(self._end, [data], [descriptor])
            _close(descriptor)

    def _write_queued(self) -> None:
        while self._queue:
            data, descriptor = self._queue[0]
            try:
                self._write(data, descriptor)
            except BlockingIOError:
                return
            except OSError:
                self.close()
                return
            self._queue.popleft()
        self._loop.remove_writer(self._end.fileno())

    def _read(self) -> None:
        for _ in range(_MESSAGES_PER_TURN):
            try:
                data, descriptors, _, _ = socket.recv_fds(self._end, MAX_DATA + 1, 1)
            except BlockingIOError:
                return
            except OSError:
                data, descriptors = b"", []
            if not data:
                self.close()
                return
            self._receive(data, descriptors[0] if descriptors else None)
            if self._end.fileno() < 0:
                return

    def close(self) -> None:
        """Close this end, and the connections that wait to be sent."""
        if (number := self._end.fileno()) < 0:
            return
        self._loop.remove_reader(number)
        self._loop.remove_writer(number)
        self._end.close()
        for _, descriptor in self._queue:
            _close(descriptor)
        self._queue.clear()
        self._closed()


def socket_pair() -> tuple[socket.socket, socket.socket]:
    """Two connected ends for `SocketChannel`.

    Raises:
        ConfigurationError: this system has no such sockets.
    """
    try:
        return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    except OSError as exc:
        raise ConfigurationError(
            f"--workers with Socket.IO needs SOCK_SEQPACKET, as on Linux ({exc}); set "
            f"socketio.enabled = false, or remove --workers"
        ) from exc


def _close(descriptor: int | None) -> None:
    if descriptor is not None:
        os.close(descriptor)
