"""Messages with sockets, between a supervisor and one worker (``SCM_RIGHTS``, unix(7))."""

import asyncio
import errno
import os
import socket
from collections import deque
from collections.abc import Callable, Sequence

from rxkernel.exceptions import ConfigurationError

MAX_DATA = 256 * 1024
"""Largest size of a message in bytes: asyncio and uvloop do not read more from a socket at once.
"""

_SEND_BUFFER = (MAX_DATA + 4096) // 2
"""Size of the buffer in bytes, which the system doubles. It holds one large message, or about 350
connections, which count towards the open files of the user (``ETOOMANYREFS``)."""

_MAX_QUEUED = 512
"""The largest number of messages that wait for room in the system; each holds a connection open.
"""

_MESSAGES_PER_TURN = 64

_RETRY = 0.05
"""Seconds before a message that the system has rejected is sent again."""

Message = tuple[bytes, int | None]
Receive = Callable[[bytes, int | None], None]


class SocketChannel:
    """One end of a pair of `socket_pair`. Messages arrive whole and in order.

    Args:
        end: the channel owns it from now on.
        receive: called with each message: its data, and a file descriptor, which the receiver
            owns, or None.
        closed: called once, when the other end is closed.
    """

    def __init__(self, end: socket.socket, receive: Receive, closed: Callable[[], None]) -> None:
        end.setblocking(False)
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
        self._end = end
        self._receive = receive
        self._closed = closed
        self._queue: deque[Message] = deque()
        self._has_writer = False
        self._retry: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(end.fileno(), self.read)

    @property
    def queued(self) -> int:
        """The number of messages that wait until the other process has read earlier ones."""
        return len(self._queue)

    def send(self, data: bytes, descriptor: int | None = None) -> bool:
        """Send a message now or as soon as possible; return False if it cannot be sent.

        The channel owns *descriptor* from now on, and always closes it.
        """
        queue = self._queue
        if self._end.fileno() < 0 or len(queue) >= _MAX_QUEUED or len(data) > MAX_DATA + 1:
            close_descriptor(descriptor)
            return False
        queue.append((data, descriptor))
        if len(queue) == 1:
            self._write_queued()
        return self._end.fileno() >= 0

    def _write_queued(self) -> None:
        self._retry = None
        while self._queue:
            data, descriptor = self._queue[0]
            try:
                if descriptor is None:
                    self._end.send(data)
                else:
                    socket.send_fds(self._end, [data], [descriptor])
            except BlockingIOError:
                self._has_writer = True
                self._loop.add_writer(self._end.fileno(), self._write_queued)
                return
            except (BrokenPipeError, ConnectionResetError):
                self.close()
                return
            except OSError:  # ETOOMANYREFS, ENOBUFS: the system does not report when it has room
                self._stop_writing()
                self._retry = self._loop.call_later(_RETRY, self._write_queued)
                return
            close_descriptor(descriptor)
            self._queue.popleft()
        self._stop_writing()

    def read(self) -> bool:
        """Receive some messages that have arrived; return whether more may have arrived."""
        for _ in range(_MESSAGES_PER_TURN):
            try:
                data, descriptors, _, _ = socket.recv_fds(self._end, MAX_DATA + 1, 1)
            except BlockingIOError:
                return False
            except ConnectionResetError:
                data, descriptors = b"", []
            if not data:
                self.close()
                return False
            self._receive(data, descriptors[0] if descriptors else None)
            if self._end.fileno() < 0:
                return False
        return True

    def take_queued(self) -> Sequence[Message]:
        """Remove and return the waiting messages; the caller owns their descriptors."""
        messages = tuple(self._queue)
        self._queue.clear()
        self._stop_writing()
        return messages

    def _stop_writing(self) -> None:
        if self._has_writer:
            self._has_writer = False
            self._loop.remove_writer(self._end.fileno())
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None

    def close(self) -> None:
        """Close this end, and the connections that wait to be sent."""
        if (number := self._end.fileno()) < 0:
            return
        self._stop_writing()
        self._loop.remove_reader(number)
        self._end.close()
        for _, descriptor in self._queue:
            close_descriptor(descriptor)
        self._queue.clear()
        self._closed()


def socket_pair() -> tuple[socket.socket, socket.socket]:
    """Return two connected ends for `SocketChannel`.

    Raises:
        ConfigurationError: the system does not support such sockets.
        OSError: the process has no free file descriptors.
    """
    try:
        return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    except OSError as exc:
        if exc.errno not in (errno.EPROTONOSUPPORT, errno.EOPNOTSUPP, errno.EINVAL):
            raise
        raise ConfigurationError(
            f"--workers with Socket.IO needs SOCK_SEQPACKET, as on Linux ({exc}); set "
            f"socketio.enabled = false, or remove --workers"
        ) from exc


def close_descriptor(descriptor: int | None) -> None:
    if descriptor is not None:
        os.close(descriptor)
