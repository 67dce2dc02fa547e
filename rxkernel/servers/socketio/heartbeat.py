"""The heartbeat of a session (Engine.IO v4): the server pings, the client must respond in time.

Each session has one timer on the event loop's monotonic clock.
"""

import asyncio
from collections.abc import Awaitable
from typing import Protocol, TypeVar

from rxkernel.servers.socketio.protocol_error import ProtocolError
from rxkernel.settings import SocketioSettings

T = TypeVar("T")

_LATE = 1.0
"""If a timer is this late, in seconds, the event loop was blocked."""


class HeartbeatOwner(Protocol):
    """The session of a heartbeat."""

    def ping(self) -> None:
        """Send a PING."""

    def has_ping(self) -> bool:
        """Whether the client may have received the last PING."""

    def expire(self, exc: ProtocolError | None) -> None:
        """Called if the client did not respond in time. With *exc*, reading from it was paused for
        too long, because of its events."""


class Heartbeat:
    """Pings the client of *owner* until it is stopped."""

    __slots__ = (
        "_due",
        "_held",
        "_held_since",
        "_is_pinged",
        "_loop",
        "_owner",
        "_settings",
        "_timer",
    )

    def __init__(self, settings: SocketioSettings, owner: HeartbeatOwner) -> None:
        self._settings = settings
        self._owner = owner
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
        self._owner.ping()
        self._wait(self._settings.ping_timeout, is_pinged=True)

    def pong(self) -> None:
        """Called when the client has sent a PONG; ignored if no PING was sent."""
        if self._is_pinged:
            self._timer.cancel()
            self._wait(self._settings.ping_interval, is_pinged=False)

    async def hold(self, waiting: Awaitable[T]) -> T:
        """Await *waiting* while reading from the client is paused, so its PONG may be unread."""
        if not self._held:
            self._held_since = self._loop.time()
        self._held += 1  # a POST may be handled while the session changes to a websocket
        try:
            return await waiting
        finally:
            self._held -= 1
            if not self._held:
                self._held_since = None

    def _expire(self) -> None:
        now = self._loop.time()
        if now - self._due > _LATE:
            self._wait(_LATE, is_pinged=True)  # data received meanwhile has not been read yet
        elif self._held_since is None or not self._owner.has_ping():
            self._owner.expire(None)
        elif now - self._held_since < self._settings.stall_timeout:
            self._ping()
        else:
            stalled = ProtocolError("its events waited too long", "socketio.stall_timeout")
            self._owner.expire(stalled)

    def stop(self) -> None:
        self._timer.cancel()
