"""A limit of concurrent work with passwords, which takes a core and tens of megabytes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bundles.fair_queue import FairQueue
from rxkernel import ServiceUnavailableException

RETRY_AFTER = {"Retry-After": "5"}


class Turns:
    """*number* blocks run at a time, and at most *max_waiting* wait. Networks get turns one after
    the other, and at most half of those that wait may belong to one network."""

    def __init__(self, number: int, max_waiting: int) -> None:
        self._queue = FairQueue(number, max_waiting, (max_waiting + 1) // 2)

    @asynccontextmanager
    async def of(self, network: str) -> AsyncIterator[None]:
        """Wait for a turn of *network*, then run the block.

        Raises:
            ServiceUnavailableException: too many blocks wait already.
        """
        queue = self._queue
        if queue.free:
            queue.free -= 1
        else:
            waiter = queue.enter(network)
            if waiter is None:
                raise ServiceUnavailableException(
                    "too many passwords wait for verification; try again later",
                    code="passwords_busy",
                    headers=RETRY_AFTER,
                )
            await waiter.outcome()
        try:
            yield
        finally:
            queue.release()
