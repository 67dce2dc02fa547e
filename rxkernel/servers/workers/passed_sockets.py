"""The connections of a worker that its supervisor has accepted."""

import asyncio
import os
import socket
from collections.abc import Callable

from rxkernel.servers.limits import LimitCounters
from rxkernel.servers.workers.socket_channel import SocketChannel

CHOSEN = b"C"
"""To the worker, with a connection: its first request is for this worker."""
UNKNOWN = b"U"
"""To the worker, with a connection: its first request was not read completely."""
END = b"E"
"""To the worker: no connection follows."""
PING = b"P"
"""To the worker, which sends it back when it has taken all connections before it."""
STOP = b"S"
"""To the supervisor: send no more connections; it responds with `END`."""
BACK = b"B"
"""To the supervisor, with a connection: the next request is for another worker."""

LOST = "a connection was lost: too many open files; raise the limit (ulimit -n)"
"""Logged if a descriptor did not arrive with its message."""

NewProtocol = Callable[[bytes, bool], asyncio.Protocol]
"""Creates the protocol of a connection. Its arguments are the data that was received already, and
whether the first request is for this worker."""


class PassedSockets:
    """Receives connections, and sends back those whose next request is for another worker.

    Attributes:
        worker: the number by which the supervisor identifies this process.
    """

    def __init__(self, end: socket.socket, worker: int) -> None:
        self.worker = worker
        self._new_protocol: NewProtocol | None = None
        self._counters = LimitCounters()
        self._ended = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._channel = SocketChannel(end, self._receive, self._ended.set)

    def serve(self, new_protocol: NewProtocol) -> None:
        """Serve connections from now on; the supervisor does not send any before."""
        self._new_protocol = new_protocol

    def _receive(self, data: bytes, descriptor: int | None) -> None:
        kind, received = data[:1], data[1:]
        if kind == END:
            self._ended.set()
        elif kind == PING:
            self._channel.send(PING)
        elif descriptor is None:
            self._counters.record("open files", LOST)
        elif self._new_protocol is None:
            os.close(descriptor)
        else:
            protocol = self._new_protocol(received, kind == CHOSEN)
            task = asyncio.create_task(_connect(socket.socket(fileno=descriptor), protocol))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def send_back(self, descriptor: int, received: bytes) -> bool:
        """Send a connection to the supervisor, which finds the worker of the request that begins
        with *received*.

        Return False if that is not possible; the connection is closed then.
        """
        return self._channel.send(BACK + received, descriptor)

    async def stop(self) -> None:
        """Wait until no more connections can arrive, and those that have arrived are open."""
        if not self._ended.is_set() and self._channel.send(STOP):
            await self._ended.wait()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def close(self) -> None:
        self._channel.close()


async def _connect(connection: socket.socket, protocol: asyncio.Protocol) -> None:
    try:
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        loop = asyncio.get_running_loop()
        await loop.connect_accepted_socket(lambda: protocol, connection)
    except OSError:  # the client has closed it
        connection.close()
    except BaseException:
        connection.close()
        raise
