"""One timer for the timeouts of all connections: one timer each would cost more than a request.

Timeouts are handled elsewhere: in ``protocol.py`` by `HttpConnection.expire` (request head, idle
connection) and `HttpConnection.check_sending` (slow reader), and for bodies in
``request/body_reader.py``.
"""

import asyncio
import time
from typing import Protocol

_SHORTEST_INTERVAL = 0.02
"""Minimum seconds between two checks."""


class Watched(Protocol):
    """A connection whose timeouts are enforced.

    Attributes:
        deadline: when `expire` must be called, by `time.monotonic`.
        sent_deadline: the value of `deadline` when the client had received everything. While both
            are equal, nothing has been sent since, so `check_sending` is not called.
    """

    deadline: float
    sent_deadline: float

    def expire(self) -> None:
        """Close the connection: the deadline has passed."""

    def check_sending(self, now: float) -> None:
        """Check whether the client receives the data that is sent to it."""


class DeadlineTimer:
    """Checks the watched connections about once a second, more often for short timeouts."""

    def __init__(self, shortest_timeout: float) -> None:
        self._interval = min(1.0, max(_SHORTEST_INTERVAL, shortest_timeout / 10))
        self._watched: set[Watched] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0
        self._was_late = False

    def watch(self, connection: Watched) -> None:
        """Check *connection* from now on, until `unwatch`."""
        self._watched.add(connection)
        if self._timer is None:
            self._schedule()

    def unwatch(self, connection: Watched) -> None:
        self._watched.discard(connection)

    def close(self) -> None:
        """Stop checking."""
        if self._timer is not None:
            self._timer.cancel()

    def _schedule(self) -> None:
        self._due = time.monotonic() + self._interval
        self._timer = asyncio.get_running_loop().call_later(self._interval, self._check)

    def _check(self) -> None:
        now = time.monotonic()
        self._was_late = not self._was_late and now > self._due + self._interval
        self._timer = None
        if self._watched:
            self._schedule()
        if self._was_late:
            return  # data that arrived while the event loop was blocked must be read first
        for connection in tuple(self._watched):
            if connection.deadline <= now:
                connection.expire()
            elif connection.deadline != connection.sent_deadline:
                connection.check_sending(now)
