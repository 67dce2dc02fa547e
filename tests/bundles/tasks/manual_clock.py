"""A clock that tests control."""

import asyncio
from collections.abc import Callable
from contextvars import Context
from datetime import datetime

from bundles.tasks import Clock


class ManualTimer:
    def __init__(self, moment: float, callback: Callable[[], None], context: Context) -> None:
        self.moment = moment
        self.callback = callback
        self.context = context
        self.is_cancelled = False

    def cancel(self) -> None:
        self.is_cancelled = True


class ManualClock(Clock):
    """Starts at 2027-07-15 12:00 UTC.

    Attributes:
        wakes: how many timers have called back.
    """

    def __init__(self, start: str = "2027-07-15T12:00:00+00:00") -> None:
        self._now = datetime.fromisoformat(start).timestamp()
        self._elapsed = 0.0
        self._timers: list[ManualTimer] = []
        self.wakes = 0

    def now(self) -> float:
        return self._now

    def monotonic(self) -> float:
        return self._elapsed

    def call_later(
        self, seconds: float, callback: Callable[[], None], context: Context
    ) -> ManualTimer:
        timer = ManualTimer(self._elapsed + seconds, callback, context)
        self._timers.append(timer)
        return timer

    async def sleep(self, seconds: float) -> None:
        done = asyncio.Event()
        timer = self.call_later(seconds, done.set, Context())
        try:
            await done.wait()
        finally:
            timer.cancel()

    @property
    def timers(self) -> list[ManualTimer]:
        return [timer for timer in self._timers if not timer.is_cancelled]

    async def advance(self, seconds: float) -> None:
        """Let time elapse: call each timer at its time, and run the tasks that it starts."""
        end = self._elapsed + seconds
        while due := [timer for timer in self.timers if timer.moment <= end]:
            timer = min(due, key=lambda timer: timer.moment)
            self._timers.remove(timer)
            self._pass(max(timer.moment - self._elapsed, 0.0))
            self.wakes += 1
            timer.context.run(timer.callback)
            await settle()
        self._pass(end - self._elapsed)
        self._timers = self.timers

    def set_forward(self, seconds: float) -> None:
        """Set the wall clock without letting time elapse."""
        self._now += seconds

    def _pass(self, seconds: float) -> None:
        self._now += seconds
        self._elapsed += seconds


async def settle() -> None:
    """Let the event loop run everything that is ready or becomes ready."""
    for _ in range(50):
        await asyncio.sleep(0)
