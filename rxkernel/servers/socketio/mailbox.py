"""The events of one socket: started in the order they came, so many at a time."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextlib import contextmanager
from contextvars import copy_context
from typing import Any

Job = Callable[[], Coroutine[Any, Any, None]]

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

    __slots__ = (
        "_concurrency",
        "_context",
        "_gate",
        "_is_closed",
        "_loop",
        "_max_waiting",
        "_running",
        "_waiting",
    )

    def __init__(self, concurrency: int, max_waiting: int, gate: Gate) -> None:
        self._concurrency = concurrency
        self._max_waiting = max_waiting
        self._gate = gate
        self._loop = asyncio.get_running_loop()
        self._context = copy_context()
        self._is_closed = False
        self._waiting: list[Job] = []
        self._running: set[asyncio.Task[None]] = set()

    @property
    def waiting(self) -> int:
        """How many jobs have not started yet."""
        return len(self._waiting)

    @property
    def running(self) -> int:
        """How many jobs have started and not ended."""
        return len(self._running)

    @property
    def is_full(self) -> bool:
        return len(self._waiting) >= self._max_waiting * (_PATIENCE if self._gate.expected else 1)

    def put(self, job: Job) -> Awaitable[None] | None:
        """Start *job*, or let it wait, as soon as there is room: now, or when awaited.

        The reader of the socket awaits that, so a client that floods is read no faster than
        it is served.
        """
        if self._is_closed:
            return None
        if len(self._running) < self._concurrency:
            self._start(job)
        elif self.is_full:
            return self._put_later(job)
        else:
            self._waiting.append(job)
        return None

    def _start(self, job: Job) -> None:
        context = self._context.copy()  # what one sets no other sees
        self._running.add(self._loop.create_task(self._run(job), context=context))

    async def _put_later(self, job: Job) -> None:
        while self.is_full and not self._is_closed:
            await self._gate.wait()
        if (waiting := self.put(job)) is not None:
            await waiting

    async def _run(self, job: Job) -> None:
        try:
            await job()
        finally:
            task = asyncio.current_task(self._loop)
            assert task is not None
            self._running.discard(task)
            if self._waiting:
                self._start(self._waiting.pop(0))
            self._gate.open()

    async def settle(self) -> None:
        """Wait until nothing runs and nothing waits."""
        while self._running:
            done, _ = await asyncio.wait(self._running)
            self._running -= done  # one that was cancelled before it began is still there

    async def cancel(self) -> None:
        """End what runs, forget what waits, take nothing more."""
        self._is_closed = True
        self._waiting.clear()
        for task in self._running:
            task.cancel()
        await self.settle()
