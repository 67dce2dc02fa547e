"""The time by which tasks run."""

import asyncio
from collections.abc import Callable
from contextvars import Context
from time import monotonic, time
from typing import Protocol


class Timer(Protocol):
    """What `Clock` returns for a call in the future."""

    def cancel(self) -> None: ...


class Clock:
    """The clocks of the system. A test binds another one."""

    now = staticmethod(time)
    """Seconds since the epoch; an administrator may set them."""

    monotonic = staticmethod(monotonic)
    """Seconds that have elapsed, since any moment."""

    def call_later(self, seconds: float, callback: Callable[[], None], context: Context) -> Timer:
        """Call *callback* in *context* when *seconds* have elapsed."""
        return asyncio.get_running_loop().call_later(seconds, callback, context=context)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
