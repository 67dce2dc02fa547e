"""Waiting for what happens elsewhere, without guessing how long it takes."""

import asyncio
from collections.abc import Callable


async def until(condition: Callable[[], object], *, seconds: float = 20.0) -> None:
    """Come back when *condition* holds; *seconds* only keep a broken test from hanging."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - what is waited for may be a process
            await asyncio.sleep(0.005)
