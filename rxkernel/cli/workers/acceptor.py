"""Accepts the connections of a port for several workers, and passes each to one of them.

The supervisor looks at the first request (``MSG_PEEK``) without reading it, so the worker gets the
whole connection, and the supervisor has nothing more to do with it.
"""

import asyncio
import logging
import socket
from collections.abc import Callable, Sequence
from functools import partial

import attrs

from rxkernel.cli.workers.request_heads import MAX_HEAD, Choice, RequestHeads
from rxkernel.cli.workers.worker_sockets import WorkerPool
from rxkernel.servers.descriptors import room_for
from rxkernel.servers.limits import LimitCounters, network_of
from rxkernel.servers.workers.listening_sockets import BACKLOG

logger = logging.getLogger(__name__)

_ACCEPTS_PER_TURN = 128

_MAX_WAITING = 1000
"""Limit of connections whose first request has not arrived; lower if the system allows fewer open
files."""

_MAX_PIECES = 16
"""Pieces of a first request that are examined before the connection is passed on."""

_RETRY = 0.5
"""Seconds before connections are accepted again, after the system had no free descriptors."""

_CONGESTED_RETRY = 0.02
"""Seconds before connections are accepted again, after a worker had many connections to read."""


@attrs.define(eq=False)
class _Waiting:
    """A connection whose first request has not arrived."""

    connection: socket.socket
    host: str
    deadline: float
    seen: int = 0
    pieces: int = 0


class Acceptor:
    """Passes connections to the workers of its *pool*.

    Args:
        listening: see `opened_port`; no connection is accepted before a worker is open.
        count: the number of workers.
        heads: None if first requests are encrypted, so that the address selects the worker.

    Attributes:
        counters: connections that were lost, by reason.
        patience: seconds in which a first request must arrive. Then the worker of the address gets
            the connection, with the timeouts of the settings.
        max_waiting: connections whose first request has not arrived. Above it, the oldest is
            passed on.
    """

    def __init__(
        self, listening: Sequence[socket.socket], count: int, heads: RequestHeads | None
    ) -> None:
        self.counters = LimitCounters()
        self.pool = WorkerPool(
            [None] * count,
            self.counters,
            about_to_close=self._accept_all,
            changed=self._workers_changed,
            send_back=self._pass_back,
        )
        self.patience = 3.0
        self.max_waiting = room_for(_MAX_WAITING)
        self._listening = listening
        self._heads = heads
        self._loop = asyncio.get_running_loop()
        self._is_accepting = False
        self._is_stopping = False
        self._waiting: dict[int, _Waiting] = {}
        self._without_worker: list[tuple[socket.socket, Callable[[], None]]] = []
        self._timer: asyncio.TimerHandle | None = None
        for one in listening:
            one.setblocking(False)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)

    # --- accepting

    def stop(self) -> None:
        """Close the port as soon as no worker accepts connections."""
        self._is_stopping = True
        self._workers_changed()

    def close(self) -> None:
        """Close the port, and all connections that no worker has."""
        self._pause()
        for one in self._listening:
            one.close()
        self.pool.close()
        for waiting in tuple(self._waiting.values()):
            self._forget(waiting)
            waiting.connection.close()
        for connection, _ in self._without_worker:
            connection.close()
        self._without_worker.clear()
        if self._timer is not None:
            self._timer.cancel()

    def _workers_changed(self) -> None:
        if self.pool.has_open:
            self._resume()
            waiting, self._without_worker = self._without_worker, []
            for _, pass_again in waiting:
                pass_again()
        else:
            self._pause()
            if self._is_stopping:
                for one in self._listening:
                    one.close()

    def _resume(self) -> None:
        if self._is_accepting or self._listening[0].fileno() < 0:
            return
        self._is_accepting = True
        for one in self._listening:
            self._loop.add_reader(one.fileno(), self._accept, one)

    def _pause(self) -> None:
        """Leave new connections in the queue of the system."""
        self._is_accepting = False
        for one in self._listening:
            if one.fileno() >= 0:
                self._loop.remove_reader(one.fileno())

    def _accept_all(self) -> None:
        """Pass on all connections that the system has queued, because a worker closes, and the
        port may be closed with it."""
        for one in self._listening if self._is_accepting else ():
            self._accept(one, BACKLOG + 1)

    def _accept(self, listening: socket.socket, most: int = _ACCEPTS_PER_TURN) -> None:
        if self.pool.is_congested:
            self._pause()
            self._loop.call_later(_CONGESTED_RETRY, self._workers_changed)
            return
        for _ in range(most):
            try:
                connection, address = listening.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError as exc:
                self.counters.record("accept", f"cannot accept connections: {exc}")
                self._pause()
                self._pass_oldest()
                self._loop.call_later(_RETRY, self._workers_changed)
                return
            self._begin(connection, address[0])

    # --- first requests

    def _begin(self, connection: socket.socket, host: str) -> None:
        connection.setblocking(False)
        if self._heads is None:
            self._pass(connection, Choice(None, network_of(host)), is_chosen=True)
            return
        waiting = _Waiting(connection, host, self._loop.time() + self.patience)
        if not self._look(waiting):
            if len(self._waiting) >= self.max_waiting:
                self._pass_oldest()
            number = connection.fileno()
            self._waiting[number] = waiting
            self._loop.add_reader(number, self._look, waiting)
            if self._timer is None:
                self._timer = self._loop.call_later(self.patience, self._pass_late)

    def _look(self, waiting: _Waiting) -> bool:
        """Pass the connection on if its first request is complete; return whether it is gone."""
        assert self._heads is not None
        connection = waiting.connection
        try:
            head = connection.recv(MAX_HEAD, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            head = b""
        if not head:
            self._forget(waiting)
            connection.close()
            return True
        waiting.pieces += 1
        is_complete = self._heads.is_complete(head, waiting.host)
        if not is_complete and len(head) > waiting.seen and waiting.pieces < _MAX_PIECES:
            waiting.seen = len(head)
            _wake_at(connection, len(head) + 1)
            return False
        self._pass_waiting(waiting, head, is_chosen=is_complete)
        return True

    def _pass_waiting(self, waiting: _Waiting, head: bytes, *, is_chosen: bool) -> None:
        assert self._heads is not None
        self._forget(waiting)
        if waiting.seen:
            _wake_at(waiting.connection, 1)
        choice = self._heads.choose(head, waiting.host)
        self._pass(waiting.connection, choice, is_chosen=is_chosen)

    def _forget(self, waiting: _Waiting) -> None:
        number = waiting.connection.fileno()
        if self._waiting.pop(number, None) is not None:
            self._loop.remove_reader(number)

    def _pass_oldest(self) -> None:
        for oldest in self._waiting.values():
            self._pass_waiting(oldest, b"", is_chosen=False)
            return

    def _pass_late(self) -> None:
        """Pass on the connections whose first request did not arrive in time."""
        now = self._loop.time()
        while self._waiting:
            oldest = next(iter(self._waiting.values()))
            if oldest.deadline > now:
                self._timer = self._loop.call_at(oldest.deadline, self._pass_late)
                return
            self._pass_waiting(oldest, b"", is_chosen=False)
        self._timer = None

    # --- to a worker

    def _pass(
        self,
        connection: socket.socket,
        choice: Choice,
        *,
        is_chosen: bool,
        received: bytes = b"",
    ) -> None:
        worker = self.pool.find(choice)
        if worker is None and len(self._without_worker) < self.max_waiting:
            again = partial(self._pass, connection, choice, is_chosen=is_chosen, received=received)
            self._without_worker.append((connection, again))
        elif worker is None:
            self.counters.record("no worker", f"closed {choice.network}: no worker is running")
            connection.close()
        elif not worker.pass_on(connection, received, is_chosen=is_chosen):
            event = f"closed {choice.network}: worker {worker.number} is not reading"
            self.counters.record("worker is hanging", event)

    def _pass_back(self, connection: socket.socket, received: bytes) -> None:
        """Pass on a connection that a worker has sent back, or has not read."""
        try:
            host = connection.getpeername()[0]
        except OSError:  # the client has closed it
            connection.close()
            return
        if not received:
            self._begin(connection, host)
            return
        heads = self._heads
        assert heads is not None, "connections with TLS are not sent back"
        self._pass(connection, heads.choose(received, host), is_chosen=True, received=received)


def _wake_at(connection: socket.socket, size: int) -> None:
    """Make the system report *connection* as readable when it has *size* bytes, or is closed: the
    bytes that were examined have not been read."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, size)
