"""The clock of the bus."""

import asyncio
from collections.abc import Callable
from contextvars import Context
from time import monotonic, time
from typing import Protocol


class Timer(Protocol):
    def cancel(self) -> object: ...


class Clock(Protocol):
    def now(self) -> float:
        """Seconds since the epoch."""

    def monotonic(self) -> float:
        """Seconds since an arbitrary moment, by a clock that is never set."""

    def call_later(self, seconds: float, callback: Callable[[], None], context: Context) -> Timer:
        """Call *callback* in *context* when *seconds* have elapsed."""

    async def sleep(self, seconds: float) -> None:
        """Return when *seconds* have elapsed."""


class SystemClock:
    """The clocks of the system."""

    now = staticmethod(time)
    monotonic = staticmethod(monotonic)

    def call_later(self, seconds: float, callback: Callable[[], None], context: Context) -> Timer:
        return asyncio.get_running_loop().call_later(seconds, callback, context=context)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
