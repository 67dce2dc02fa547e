"""Websockets of Socket.IO that only count an event, with as little work as Python allows.

They are read by epoll(7) in one loop: reading a frame takes a few microseconds, far less than
sending it takes a server.
"""

import select
import socket
import time
from collections.abc import Sequence

from benchmarks.frames import encode

_HEAD = (
    "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n"
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
_PING, _PONG = b"\x81\x012", encode("3")
_PATIENCE = 30.0
"""Seconds for a connect, and until all have received an event."""


class Listeners:
    """*number* clients of each of *ports*, until `close`.

    Args:
        event: the event that they count.
    """

    def __init__(self, ports: Sequence[int], number: int, event: str) -> None:
        self._event = f'42["{event}"'.encode()
        self._epoll = select.epoll()
        self._sockets = {
            one.fileno(): one for port in ports for one in (connected(port) for _ in range(number))
        }
        for number in self._sockets:
            self._epoll.register(number, select.EPOLLIN)

    def send(self, text: str) -> float:
        """Send a message of Engine.IO by the first client; return the time (`perf_counter`)."""
        begin = time.perf_counter()
        next(iter(self._sockets.values())).sendall(encode(text))
        return begin

    def everybody(self) -> float:
        """Return the time (`perf_counter`) when each has received the event once more.

        Raises:
            TimeoutError: some clients have not received it.
            ConnectionError: a server has closed a connection.
        """
        missing, poll, sockets, event = (
            len(self._sockets),
            self._epoll.poll,
            self._sockets,
            self._event,
        )
        while missing:
            ready = poll(_PATIENCE)
            if not ready:
                raise TimeoutError(f"{missing} clients did not receive {event.decode()}")
            for number, _ in ready:
                one = sockets[number]
                data = one.recv(65_536)
                missing -= data.count(event)
                if _PING in data:
                    one.sendall(_PONG)
                elif not data:
                    raise ConnectionError("a server has closed a connection")
        return time.perf_counter()

    def close(self) -> None:
        for one in self._sockets.values():
            one.close()
        self._epoll.close()


def connected(port: int, *, receive_buffer: int | None = None) -> socket.socket:
    """A client that is connected to ``/``; *receive_buffer* are bytes, of the system's choice."""
    one = socket.socket()
    one.settimeout(_PATIENCE)
    if receive_buffer is not None:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    one.connect(("127.0.0.1", port))
    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    one.sendall(_HEAD.format(port).encode())
    _read_until(one, b'"pingInterval"')
    one.sendall(encode("40"))
    _read_until(one, b'40{"sid"')
    return one


def _read_until(one: socket.socket, text: bytes) -> None:
    data = b""
    while text not in data:
        piece = one.recv(65_536)
        if not piece:
            raise ConnectionError(f"the server has closed the connection after {data!r}")
        data += piece
