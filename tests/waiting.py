"""Waiting for a condition, without a guess of the time."""

import asyncio
from collections.abc import Callable


async def until(condition: Callable[[], object], *, seconds: float = 20.0) -> None:
    """Return when *condition* is true; *seconds* only limit a broken test."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - what is waited for may be a process
            await asyncio.sleep(0.005)
