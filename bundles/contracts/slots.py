"""The slots of a queue, and the calls that wait for a slot."""

import asyncio
import math
from collections import Counter
from functools import partial
from typing import Any

from bundles.contracts.actions import Action
from bundles.contracts.interruption import DISCONNECTED, ClientDisconnectedException
from bundles.contracts.queue import Queue
from bundles.contracts.running_threads import count_threads
from bundles.fair_queue import FairQueue
from rxkernel import HttpException, Request, ServiceUnavailableException, abandoned_threads

FULL = "queue_full"
EXPIRED = "queue_timeout"
"""The names of counters, and codes of responses."""


class Slots:
    """Runs at most ``queue.concurrency`` calls at a time, in the order of their arrival.

    A slot is free again when its call has ended; for a cancelled plain ``def``, when its thread
    has ended.
    """

    def __init__(self, queue: Queue, counts: Counter[str]) -> None:
        self._queue = FairQueue(queue.concurrency, queue.size)
        self._timeout = queue.timeout
        self._retry_after = {"Retry-After": str(math.ceil(queue.timeout))}
        self._counts = counts

    @property
    def free(self) -> int:
        """The number of calls that could start at once."""
        return self._queue.free

    @property
    def waiting(self) -> int:
        """The number of waiting calls."""
        return self._queue.waiting

    def limit(self, action: Action) -> Action:
        """Wrap *action* so that its calls wait for a slot."""
        queue = self._queue

        async def queued(request: Request) -> Any:
            if queue.free:
                queue.free -= 1
            else:
                await self._wait(request)
            try:
                return await action(request)
            finally:
                if threads := abandoned_threads(request):
                    count_threads(request, self._counts)
                    queue.release_after(threads)
                else:
                    queue.release()

        return queued

    async def _wait(self, request: Request) -> None:
        """Return when the call has a slot.

        Raises:
            ServiceUnavailableException: the queue is full, or the call has waited too long.
            ClientDisconnectedException: the client has disconnected.
        """
        waiter = self._queue.enter()
        if waiter is None:
            raise self._rejection(FULL)
        timer = asyncio.get_running_loop().call_later(self._timeout, waiter.leave, EXPIRED)
        revoke = request.when_disconnected(partial(waiter.leave, DISCONNECTED))
        try:
            reason = await waiter.outcome()
        finally:
            timer.cancel()
            revoke()
        if reason is not None:
            raise self._rejection(reason)

    def _rejection(self, reason: str) -> HttpException:
        self._counts[reason] += 1
        if reason == DISCONNECTED:
            return ClientDisconnectedException(code=DISCONNECTED)
        message = "too many calls are waiting; try again later"
        return ServiceUnavailableException(message, code=reason, headers=self._retry_after)
