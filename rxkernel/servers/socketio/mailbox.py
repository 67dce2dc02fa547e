"""The events of one socket: started in the order they came, so many at a time."""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

Job = Callable[[], Coroutine[Any, Any, None]]


class Mailbox:
    """Runs jobs first in, first started, at most *concurrency* together.

    ``limit`` jobs may wait for their turn before `put` holds its caller back.
    """

    limit = 64

    def __init__(self, concurrency: int) -> None:
        self._concurrency = concurrency
        self._waiting: deque[Job] = deque()
        self._running: set[asyncio.Task[None]] = set()
        self._room = asyncio.Event()
        self._room.set()

    @property
    def waiting(self) -> int:
        """How many jobs have not started yet."""
        return len(self._waiting)

    async def put(self, job: Job) -> None:
        """Start *job*, or let it wait; comes back when there is room for the next.

        The reader of the socket awaits this, so a client that floods is read no faster than
        it is served.
        """
        if len(self._running) < self._concurrency:
            self._start(job)
            return
        self._waiting.append(job)
        if self.waiting >= self.limit:
            self._room.clear()
        await self._room.wait()

    def _start(self, job: Job) -> None:
        task = asyncio.create_task(job())
        self._running.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if self._waiting:
            self._start(self._waiting.popleft())
        if self.waiting < self.limit:
            self._room.set()

    def discard(self) -> None:
        """Forget the jobs that wait; those that run go on."""
        self._waiting.clear()
        self._room.set()

    async def settle(self) -> None:
        """Wait until nothing runs and nothing waits."""
        while self._running:
            await asyncio.wait(self._running)
