"""The queue of the events of one connection, which starts a limited number at a time."""

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import copy_context
from typing import Any

from rxkernel.servers.socketio.backpressure import Backpressure, Pending

Job = Callable[[], Coroutine[Any, Any, None]]

_EXPECTING_FACTOR = 16
"""Factor by which more events may wait while the server expects an acknowledgement."""


class EventQueue:
    """Starts jobs in order, at most *concurrency* at a time, each in a task of its own.

    When *max_waiting* jobs wait, `put` blocks its caller, the reader of the socket. Sixteen times
    as many jobs may wait while *backpressure* expects an acknowledgement, which only the reader
    can receive.
    """

    __slots__ = (
        "_backpressure",
        "_concurrency",
        "_context",
        "_is_closed",
        "_loop",
        "_max_waiting",
        "_running",
        "_waiting",
    )

    def __init__(self, concurrency: int, max_waiting: int, backpressure: Backpressure) -> None:
        self._concurrency = concurrency
        self._max_waiting = max_waiting
        self._backpressure = backpressure
        self._loop = asyncio.get_running_loop()
        self._context = copy_context()
        self._is_closed = False
        self._waiting: list[Job] = []
        self._running: set[asyncio.Task[None]] = set()

    @property
    def waiting(self) -> int:
        """The number of jobs that have not started yet."""
        return len(self._waiting)

    @property
    def running(self) -> int:
        """The number of jobs that have started but not ended."""
        return len(self._running)

    @property
    def is_full(self) -> bool:
        factor = _EXPECTING_FACTOR if self._backpressure.expected else 1
        return len(self._waiting) >= self._max_waiting * factor

    def put(self, job: Job) -> Pending:
        """Start *job*, or add it to the waiting jobs. If the queue is full, return an awaitable
        that adds *job* when the queue has room.

        Does nothing once the queue is closed.
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
        context = self._context.copy()  # context variables of one job are not visible in others
        self._running.add(self._loop.create_task(self._run(job), context=context))

    async def _put_later(self, job: Job) -> None:
        while self.is_full and not self._is_closed:
            await self._backpressure.wait()
        if (pending := self.put(job)) is not None:
            await pending

    async def _run(self, job: Job) -> None:
        try:
            await job()
        finally:
            task = asyncio.current_task(self._loop)
            assert task is not None
            self._running.discard(task)
            if self._waiting:
                self._start(self._waiting.pop(0))
            self._backpressure.release()

    async def join(self) -> None:
        """Wait until no job runs or waits."""
        while self._running:
            done, _ = await asyncio.wait(self._running)
            self._running -= done  # a task cancelled before its first step did not remove itself

    async def cancel(self) -> None:
        """Close the queue: cancel the running jobs and drop the waiting ones."""
        self._is_closed = True
        self._waiting.clear()
        for task in self._running:
            task.cancel()
        await self.join()
