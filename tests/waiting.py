"""Waiting for a condition, without a guess of the time."""

import asyncio
import gc
from collections.abc import Callable

_STEPS = 100
"""Steps of the event loop between two collections."""


async def until(condition: Callable[[], object], *, seconds: float = 20.0) -> None:
    """Return when *condition* is true. *seconds* is the limit after which a broken test fails."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - what is waited for may be a process
            await asyncio.sleep(0.005)


async def until_collected(condition: Callable[[], object], *, seconds: float = 60.0) -> None:
    """Return when *condition* is true after a garbage collection.

    A collection takes a second in a process that has run many tests, and it blocks the event loop.
    Work of several iterations of the loop would take too long with a collection after each.
    """
    async with asyncio.timeout(seconds):
        while not _collected(condition):
            for _ in range(_STEPS):
                await asyncio.sleep(0.001)


def _collected(condition: Callable[[], object]) -> bool:
    gc.collect()
    return bool(condition())
