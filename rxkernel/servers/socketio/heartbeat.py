"""The heartbeat of a session (Engine.IO v4): the server pings, the client answers in time.

One timer for each session, on the loop's monotonic clock: the wall clock may jump.
"""

import asyncio
from collections.abc import Awaitable
from typing import Protocol, TypeVar

from rxkernel.servers.socketio.limits import ProtocolError
from rxkernel.settings import SocketioSettings

T = TypeVar("T")

_LATE = 1.0
"""A timer this late, in seconds, says that the event loop was blocked."""


class Patient(Protocol):
    """Whose heart beats."""

    def ping(self) -> None:
        """Send one."""

    def has_ping(self) -> bool:
        """Whether the last one may have reached the client."""

    def expire(self, exc: ProtocolError | None) -> None:
        """No answer came in time; *exc* where the client kept itself from being read."""


class Heartbeat:
    """Pings *patient*, until it is stopped."""

    __slots__ = (
        "_due",
        "_held",
        "_held_since",
        "_is_pinged",
        "_loop",
        "_patient",
        "_settings",
        "_timer",
    )

    def __init__(self, settings: SocketioSettings, patient: Patient) -> None:
        self._settings = settings
        self._patient = patient
        self._loop = asyncio.get_running_loop()
        self._is_pinged = False
        self._held = 0
        self._held_since: float | None = None
        self._wait(settings.ping_interval, is_pinged=False)

    def _wait(self, seconds: float, *, is_pinged: bool) -> None:
        self._is_pinged = is_pinged
        self._due = self._loop.time() + seconds
        self._timer = self._loop.call_at(self._due, self._expire if is_pinged else self._ping)

    def _ping(self) -> None:
        self._patient.ping()
        self._wait(self._settings.ping_timeout, is_pinged=True)

    def pong(self) -> None:
        """The client answered; one that nobody asked for changes nothing."""
        if self._is_pinged:
            self._timer.cancel()
            self._wait(self._settings.ping_interval, is_pinged=False)

    async def hold(self, waiting: Awaitable[T]) -> T:
        """Await what keeps the client from being read: its PONG may have come, unread."""
        if not self._held:
            self._held_since = self._loop.time()
        self._held += 1  # a POST may still be handled while a websocket takes over
        try:
            return await waiting
        finally:
            self._held -= 1
            if not self._held:
                self._held_since = None

    def _expire(self) -> None:
        now = self._loop.time()
        if now - self._due > _LATE:
            self._wait(_LATE, is_pinged=True)  # what came while the loop was blocked is unread
        elif self._held_since is None or not self._patient.has_ping():
            self._patient.expire(None)
        elif now - self._held_since < self._settings.stall_timeout:
            self._ping()
        else:
            stalled = ProtocolError("its events wait too long", "socketio.stall_timeout")
            self._patient.expire(stalled)

    def stop(self) -> None:
        self._timer.cancel()
