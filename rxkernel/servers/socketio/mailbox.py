"""The events of one socket: started in the order they came, so many at a time."""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager
from typing import Any

Job = Callable[[], Coroutine[Any, Any, None]]


class Mailbox:
    """Runs jobs first in, first started, at most *concurrency* together.

    ``limit`` jobs may wait for their turn before `put` holds its caller back, and sixteen
    times as many while an answer is `expected`: the caller has to read it.
    """

    limit = 64

    def __init__(self, concurrency: int) -> None:
        self._concurrency = concurrency
        self._waiting: deque[Job] = deque()
        self._running: set[asyncio.Task[None]] = set()
        self._expected = 0
        self._room = asyncio.Event()

    @property
    def waiting(self) -> int:
        """How many jobs have not started yet."""
        return len(self._waiting)

    @property
    def is_full(self) -> bool:
        return self.waiting >= (self.limit * 16 if self._expected else self.limit)

    async def put(self, job: Job) -> None:
        """Start *job*, or let it wait, as soon as there is room.

        The reader of the socket awaits this, so a client that floods is read no faster than
        it is served.
        """
        while self.is_full:
            self._room.clear()
            await self._room.wait()
        if len(self._running) < self._concurrency:
            self._start(job)
        else:
            self._waiting.append(job)

    def _start(self, job: Job) -> None:
        task = asyncio.create_task(job())
        self._running.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if self._waiting:
            self._start(self._waiting.popleft())
        self._room.set()

    @contextmanager
    def expected(self) -> Generator[None, None, None]:
        """While it lasts the client owes an answer, so the socket is read on."""
        self._expected += 1
        self._room.set()
        try:
            yield
        finally:
            self._expected -= 1

    async def settle(self) -> None:
        """Wait until nothing runs and nothing waits."""
        while self._running:
            await asyncio.wait(self._running)
