"""Lets one call compute a result, while calls with the same key wait for it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import attrs

Key = tuple[int, str]
Compute = Callable[[], Awaitable["Outcome"]]


@attrs.define(eq=False)
class Outcome:
    """The outcome of one call.

    Attributes:
        value: the result for its caller.
        entry: the entry that other calls decode; None for the value None.
        is_shared: whether other calls may use it.
        is_cached: whether it was in the cache.
    """

    value: Any
    entry: Any = None
    is_shared: bool = True
    is_cached: bool = False


class SharedRuns:
    """The results that are being computed, by key."""

    def __init__(self) -> None:
        self._running: dict[Key, asyncio.Future[Outcome | None]] = {}

    async def wait_for(self, key: Key, longest_wait: float) -> Outcome | None:
        """Wait up to *longest_wait* seconds for the call that computes *key*, and for calls that
        replace it if it fails.

        Returns:
            A shared outcome; None if the caller must compute the result.
        """
        deadline = asyncio.get_running_loop().time() + longest_wait
        while (running := self._running.get(key)) is not None:
            remaining = deadline - asyncio.get_running_loop().time()
            done, _ = await asyncio.wait({running}, timeout=remaining)
            if not done:
                return None
            if (outcome := running.result()) is not None:
                return outcome
        return None

    async def run(self, key: Key, compute: Compute) -> Outcome:
        """Compute *key* for this call, and for calls that use `wait_for` meanwhile."""
        running: asyncio.Future[Outcome | None] = asyncio.get_running_loop().create_future()
        shared: Outcome | None = None
        self._running[key] = running
        try:
            outcome = await compute()
            shared = outcome if outcome.is_shared else None
            return outcome
        finally:
            if self._running.get(key) is running:
                del self._running[key]
            running.set_result(shared)
