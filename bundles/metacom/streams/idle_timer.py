"""A timer that detects that a stream is idle."""

from collections.abc import Callable

from bundles.metacom.streams.link import Loop


class IdleTimer:
    """Calls *on_idle* when `touch` was not called for *seconds*, and again after each further
    *seconds*, until it is cancelled.

    `touch` only stores the time: the timer checks it when it is due.
    """

    __slots__ = ("_loop", "_on_idle", "_seconds", "_timer", "_touched")

    def __init__(self, loop: Loop, seconds: float, on_idle: Callable[[], None]) -> None:
        self._loop = loop
        self._seconds = seconds
        self._on_idle = on_idle
        self._touched = loop.time()
        self._timer = loop.call_later(seconds, self._check)

    def touch(self) -> None:
        self._touched = self._loop.time()

    def cancel(self) -> None:
        self._timer.cancel()

    def _check(self) -> None:
        remaining = self._touched + self._seconds - self._loop.time()
        if remaining <= 0:
            self._touched, remaining = self._loop.time(), self._seconds
            self._timer = self._loop.call_later(remaining, self._check)
            self._on_idle()
        else:
            self._timer = self._loop.call_later(remaining, self._check)
