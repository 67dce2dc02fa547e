"""The workers to which a supervisor passes connections."""

import asyncio
import fcntl
import socket
import sys
import termios
from collections.abc import Callable, Coroutine
from typing import Any

import attrs

from rxkernel.cli.workers.request_heads import Choice
from rxkernel.servers.limits import LimitCounters
from rxkernel.servers.workers.passed_sockets import BACK, CHOSEN, END, LOST, PING, STOP, UNKNOWN
from rxkernel.servers.workers.socket_channel import MAX_DATA, SocketChannel, close_descriptor

_CONGESTED = 128
"""The number of connections waiting for one worker at which no more are accepted."""

SendBack = Callable[[socket.socket, bytes], None]


class WorkerSockets:
    """The supervisor's side of one worker.

    It also holds the worker's end of the channel, so that it can take back the connections that
    the worker has not read, when the worker ends or hangs.

    Attributes:
        number: see `session_ids`.
        is_open: whether it receives connections: from the time when it listens until it stops.
        hangs: whether it has not read connections for a while.
        patience: seconds without reading after which a worker counts as hanging.
    """

    def __init__(
        self, end: socket.socket, worker_end: socket.socket, number: int, pool: "WorkerPool"
    ) -> None:
        self.number = number
        self.is_open = False
        self.hangs = False
        self.patience = 1.0
        self._pool = pool
        self._channel = SocketChannel(end, self._receive, self._closed)
        self._worker_end = worker_end
        self._timer: asyncio.TimerHandle | None = None
        self._is_asked = False
        self._has_sent = False
        self._end: asyncio.Task[Any] | None = None

    @property
    def is_free(self) -> bool:
        """Whether it reads its connections as fast as they arrive."""
        return self.is_open and not self.hangs and not self._channel.queued

    @property
    def queued(self) -> int:
        """Connections for which the channel has no room."""
        return self._channel.queued

    def pass_on(self, connection: socket.socket, received: bytes, *, is_chosen: bool) -> bool:
        """Pass *connection*, whose descriptor is closed here, and the data *received* from it."""
        kind = CHOSEN if is_chosen else UNKNOWN
        is_sent = self._channel.send(kind + received, connection.detach())
        self._has_sent = True
        if self._timer is None:
            self._ask()
        return is_sent

    def _ask(self) -> None:
        self._has_sent = False
        self._is_asked = True
        self._channel.send(PING)
        self._timer = asyncio.get_running_loop().call_later(self.patience, self._check)

    def _check(self) -> None:
        """Check whether it hangs, until it has read all connections."""
        self._timer = None
        if not self.is_open:
            return
        if self._is_asked:
            self.hangs = True
            self._pool.counters.record(
                "worker is hanging", f"worker {self.number} is not reading; others are preferred"
            )
            self._take_back()
        if self._is_asked or self._has_sent:
            self._ask()

    def _take_back(self) -> None:
        """Find another worker for each connection that this worker has not read."""
        unread = self._channel.take_queued()
        size = fcntl.ioctl(self._worker_end, termios.FIONREAD, bytes(4))
        left = int.from_bytes(size, sys.byteorder)
        while left > 0:
            try:
                data, descriptors, _, _ = socket.recv_fds(
                    self._worker_end, MAX_DATA + 1, 1, socket.MSG_DONTWAIT
                )
            except BlockingIOError:  # the worker has read it
                break
            left -= len(data)
            self._pass_again(data, descriptors[0] if descriptors else None)
        for message in unread:
            self._pass_again(*message)

    def _pass_again(self, data: bytes, descriptor: int | None) -> None:
        if descriptor is not None:
            self._pool.send_back(socket.socket(fileno=descriptor), data[1:])
        elif data[:1] in (CHOSEN, UNKNOWN):
            self._record_lost()

    def _receive(self, data: bytes, descriptor: int | None) -> None:
        kind = data[:1]
        if kind == PING:
            self._is_asked = self.hangs = False
        elif kind == STOP:
            if self.is_open:
                self._pool.about_to_close()
                self.is_open = False
                self._pool.changed()
            self._channel.send(END)
        elif kind == BACK and descriptor is not None:
            self._pool.send_back(socket.socket(fileno=descriptor), data[1:])
        elif kind == BACK:
            self._record_lost()
        else:
            close_descriptor(descriptor)

    def _record_lost(self) -> None:
        self._pool.counters.record("open files", LOST)

    def close_after(self, end: Coroutine[Any, Any, object]) -> None:
        """Call `close` after *end*, the end of the worker's process. The channel does not show it,
        because a process that the worker has started may also hold its end."""
        self._end = asyncio.create_task(end)
        self._end.add_done_callback(lambda _: self.close())

    def close(self) -> None:
        """Pass the connections that the worker has not read to others. It must have ended."""
        if self._worker_end.fileno() < 0:
            return
        self.is_open = False
        while self._channel.read():
            pass
        self._take_back()
        self._channel.close()

    def _closed(self) -> None:
        self.is_open = False
        self._worker_end.close()
        if self._timer is not None:
            self._timer.cancel()
        self._pool.remove(self)


@attrs.define(eq=False)
class WorkerPool:
    """The workers by number, and by their places, which replacements take over.

    The places get new sessions in turn. For other requests without a session, the client's network
    selects the place. While the worker of a place is not open, or is not reading its connections,
    the next place gets them.

    Args:
        counters: see `Acceptor`.
        about_to_close: called before a worker stops receiving connections.
        changed: called when a worker has opened or closed.
        send_back: called with a connection that needs another worker, and the data read from it:
            its next request is for another worker, or the worker has not read the connection.
    """

    places: list[WorkerSockets | None]
    counters: LimitCounters
    about_to_close: Callable[[], None]
    changed: Callable[[], None]
    send_back: SendBack
    _by_number: dict[int, WorkerSockets] = attrs.field(factory=dict, init=False)
    _last_number: int = attrs.field(default=0, init=False)
    _sessions: int = attrs.field(default=0, init=False)

    @property
    def has_open(self) -> bool:
        return any(worker.is_open for worker in self._by_number.values())

    @property
    def is_congested(self) -> bool:
        """Whether connections arrive faster than a worker reads them."""
        workers = self._by_number.values()
        return any(one.queued >= _CONGESTED and one.is_open and not one.hangs for one in workers)

    def new_number(self) -> int:
        self._last_number += 1
        return self._last_number

    def add(self, end: socket.socket, worker_end: socket.socket, number: int) -> WorkerSockets:
        """Add a worker by the two ends of its channel, which the pool owns from now on."""
        worker = self._by_number[number] = WorkerSockets(end, worker_end, number, self)
        return worker

    def use(self, worker: WorkerSockets, place: int) -> None:
        """Pass connections to *worker*, which listens, at *place* (from 0)."""
        if worker.number in self._by_number:
            self.places[place] = worker
            worker.is_open = True
            self.changed()

    def remove(self, worker: WorkerSockets) -> None:
        self._by_number.pop(worker.number, None)
        self.changed()

    def find(self, choice: Choice) -> WorkerSockets | None:
        """The worker for *choice*; None if no worker is open."""
        if choice.worker is not None:
            worker = self._by_number.get(choice.worker)
            if worker is not None and worker.is_open:
                return worker
        if choice.is_engine_io:
            self._sessions += 1
            first = self._sessions % len(self.places)
        else:
            first = hash(choice.network) % len(self.places)
        for candidate in (*self.places[first:], *self.places[:first]):
            if candidate is not None and candidate.is_free:
                return candidate
        others = (one for one in self._by_number.values() if one.is_open)
        return min(others, key=lambda one: (one.hangs, one.queued), default=None)

    def close(self) -> None:
        """Close the channels; connections that their workers have not read are sent back."""
        workers = tuple(self._by_number.values())
        for worker in workers:
            worker.is_open = False
        for worker in workers:
            worker.close()
