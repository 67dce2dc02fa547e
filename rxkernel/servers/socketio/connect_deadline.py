"""The time in which a session must connect to a namespace."""

import asyncio
from collections.abc import Callable


class ConnectDeadline:
    """Calls *expired* unless it is stopped within *seconds*."""

    __slots__ = ("_expired", "_seconds", "_timer")

    def __init__(self, seconds: float, expired: Callable[[], None]) -> None:
        self._seconds = seconds
        self._expired = expired
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Start the timer; does nothing if it runs, so a client cannot extend the time."""
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._seconds, self._expired)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
