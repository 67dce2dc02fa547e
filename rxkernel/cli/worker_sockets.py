"""The workers to which a supervisor passes connections."""

import os
import socket
from collections.abc import Callable

import attrs

from rxkernel.cli.request_heads import Choice
from rxkernel.servers.workers.passed_sockets import BACK, CHOSEN, END, STOP, UNKNOWN
from rxkernel.servers.workers.socket_channel import SocketChannel

SendBack = Callable[[socket.socket, bytes], None]


class WorkerSockets:
    """The supervisor's side of one worker.

    Attributes:
        number: see `session_ids`.
        is_open: whether it receives connections; not before it listens, nor when it stops.
    """

    def __init__(self, end: socket.socket, number: int, pool: "WorkerPool") -> None:
        self.number = number
        self.is_open = False
        self._pool = pool
        self._channel = SocketChannel(end, self._receive, self._closed)

    def pass_on(self, connection: socket.socket, received: bytes, *, is_chosen: bool) -> bool:
        """Pass *connection*, whose descriptor is closed here, and what was *received* of it."""
        kind = CHOSEN if is_chosen else UNKNOWN
        return self._channel.send(kind + received, connection.detach())

    def _receive(self, data: bytes, descriptor: int | None) -> None:
        if data[:1] == STOP and self.is_open:
            self._pool.about_to_close(self)
            self.is_open = False
            self._pool.changed()
            self._channel.send(END)
        elif data[:1] == STOP:
            self._channel.send(END)
        elif data[:1] == BACK and descriptor is not None:
            self._pool.send_back(socket.socket(fileno=descriptor), data[1:])
        elif descriptor is not None:
            os.close(descriptor)

    def _closed(self) -> None:
        self.is_open = False
        self._pool.remove(self)

    def close(self) -> None:
        self._channel.close()


@attrs.define(eq=False)
class WorkerPool:
    """The workers by number, and by their places, which replacements take over.

    New sessions go to the places in turn. Another request without a session has a place that is
    found by the client's network. While the worker of a place is not open, the next one gets its
    connections.

    Args:
        about_to_close: called before a worker receives no more connections.
        changed: called when a worker is open, or not any more.
        send_back: called with a connection that a worker has received, whose next request is for
            another one, and with what was read of it.
    """

    places: list[WorkerSockets | None]
    about_to_close: Callable[[WorkerSockets], None]
    changed: Callable[[], None]
    send_back: SendBack
    _by_number: dict[int, WorkerSockets] = attrs.field(factory=dict, init=False)
    _last_number: int = attrs.field(default=0, init=False)
    _sessions: int = attrs.field(default=0, init=False)

    @property
    def has_open(self) -> bool:
        return any(worker.is_open for worker in self._by_number.values())

    def new_number(self) -> int:
        self._last_number += 1
        return self._last_number

    def add(self, end: socket.socket, number: int) -> WorkerSockets:
        worker = self._by_number[number] = WorkerSockets(end, number, self)
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
        """The worker of *choice*; None if no worker is open."""
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
            if candidate is not None and candidate.is_open:
                return candidate
        return next((one for one in self._by_number.values() if one.is_open), None)

    def close(self) -> None:
        for worker in tuple(self._by_number.values()):
            worker.close()
