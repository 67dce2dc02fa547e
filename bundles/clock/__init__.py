"""The clock of the bundles, which a test can replace."""

import asyncio
from collections.abc import Callable
from contextvars import Context
from time import monotonic, time
from typing import Protocol


class Timer(Protocol):
    """What `Clock` returns for a call in the future."""

    def cancel(self) -> None: ...


class Clock:
    """The clocks of the system. A test binds a replacement, for all bundles that bind it."""

    now = staticmethod(time)
    """Seconds since the epoch, by the wall clock, which an administrator may set. Processes that
    share a store compare these times."""

    monotonic = staticmethod(monotonic)
    """Seconds since an arbitrary moment, by a clock that is never set."""

    def call_later(self, seconds: float, callback: Callable[[], None], context: Context) -> Timer:
        """Call *callback* in *context* when *seconds* have elapsed."""
        return asyncio.get_running_loop().call_later(seconds, callback, context=context)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
