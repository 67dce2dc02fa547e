"""The deadlines of the running calls of one definition, with one timer for all.

All calls have the same timeout, so their deadlines are in the order in which they began. A timer
for each call would cost more than the rest of the timeout.
"""

import asyncio
from time import monotonic
from typing import Protocol


class Expiring(Protocol):
    """A running call."""

    loop: asyncio.AbstractEventLoop

    def expire(self) -> None:
        """Called when its deadline has passed."""


class Deadlines:
    """Calls `Expiring.expire` of each call that has run for *seconds*."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._running: dict[Expiring, float] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def add(self, call: Expiring) -> None:
        """Begin the time of *call*."""
        if self._loop is not call.loop:
            self._loop, self._timer = call.loop, None
            self._running.clear()
        self._running[call] = monotonic() + self._seconds
        if self._timer is None:
            self._timer = call.loop.call_later(self._seconds, self._expire)

    def remove(self, call: Expiring) -> None:
        """End the time of *call*."""
        self._running.pop(call, None)

    def _expire(self) -> None:
        assert self._loop is not None
        self._timer = None
        while self._running:
            call, deadline = next(iter(self._running.items()))
            remaining = deadline - monotonic()
            if remaining > 0:
                self._timer = self._loop.call_later(remaining, self._expire)
                return
            del self._running[call]
            call.expire()
