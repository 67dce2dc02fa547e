"""The events of one socket: started in the order they came, so many at a time."""

import asyncio
import sys
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextlib import contextmanager
from typing import Any

Work = Coroutine[Any, Any, None]
Job = Callable[[], Work]

_PATIENCE = 16
"""How many times as much may wait while an answer of the client is expected."""


class Gate:
    """Holds the reader of a client back while a mailbox of that client is full."""

    __slots__ = ("_held", "expected")

    def __init__(self) -> None:
        self.expected = 0
        self._held: list[asyncio.Future[None]] = []

    def open(self) -> None:
        """There may be room again."""
        while self._held:
            reader = self._held.pop()
            if not reader.done():
                reader.set_result(None)

    async def wait(self) -> None:
        reader = asyncio.get_running_loop().create_future()
        self._held.append(reader)
        await reader

    @contextmanager
    def expecting(self) -> Generator[None, None, None]:
        """While it lasts the client owes an answer, so it is read on."""
        self.expected += 1
        self.open()
        try:
            yield
        finally:
            self.expected -= 1


class Mailbox:
    """Runs jobs first in, first started, at most *concurrency* together.

    *max_waiting* may wait for their turn before `put` holds its caller back, and sixteen
    times as many while an answer is expected at the *gate*: the caller has to read it.
    """

    __slots__ = ("_concurrency", "_gate", "_loop", "_max_waiting", "_running", "_waiting")

    def __init__(self, concurrency: int, max_waiting: int, gate: Gate) -> None:
        self._concurrency = concurrency
        self._max_waiting = max_waiting
        self._gate = gate
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[Job] = deque()
        self._running: set[asyncio.Task[None]] = set()

    @property
    def waiting(self) -> int:
        """How many jobs have not started yet."""
        return len(self._waiting)

    @property
    def is_full(self) -> bool:
        return len(self._waiting) >= self._max_waiting * (_PATIENCE if self._gate.expected else 1)

    def put(self, job: Job) -> Awaitable[None] | None:
        """Start *job*, or let it wait, as soon as there is room: now, or when awaited.

        The reader of the socket awaits that, so a client that floods is read no faster than
        it is served.
        """
        if self.is_full:
            return self._put_later(job)
        self._take(job)
        return None

    async def _put_later(self, job: Job) -> None:
        while self.is_full:
            await self._gate.wait()
        self._take(job)

    def _take(self, job: Job) -> None:
        if len(self._running) < self._concurrency:
            self._start(job)
        else:
            self._waiting.append(job)

    def _start(self, job: Job) -> None:
        task = _started(job(), self._loop)
        if not task.done():
            self._running.add(task)
            task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        while self._waiting and len(self._running) < self._concurrency:
            self._start(self._waiting.popleft())
        self._gate.open()

    async def settle(self) -> None:
        """Wait until nothing runs and nothing waits."""
        while self._running:
            await asyncio.wait(self._running)

    async def cancel(self) -> None:
        """End what runs, forget what waits."""
        self._waiting.clear()
        for task in self._running:
            task.cancel()
        await self.settle()


if sys.version_info >= (3, 12):

    def _started(work: Work, loop: asyncio.AbstractEventLoop) -> asyncio.Task[None]:
        """A task that has run already as far as it could without waiting."""
        return asyncio.Task(work, loop=loop, eager_start=True)

else:

    def _started(work: Work, loop: asyncio.AbstractEventLoop) -> asyncio.Task[None]:
        return loop.create_task(work)
