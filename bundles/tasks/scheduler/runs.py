"""The runs of this process: at most one of each task, and a limited number in total."""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial

from bundles.clock import Clock
from bundles.tasks.scheduler.entry import TaskEntry
from bundles.tasks.task_runner import Outcome, TaskRunner

logger = logging.getLogger(__name__)

OnChange = Callable[[TaskEntry], Awaitable[bool]]
"""Stores the record of a task. Returns False if the task must not run: it was removed, or another
process runs it."""


class Runs:
    """Starts runs, and keeps their records.

    Attributes:
        active: the runs that wait for a slot or have begun, by the id of the task.
        counts: ``tasks.runs``: runs that ended; ``tasks.failures``: runs that failed.

    Args:
        concurrency: the maximum number of runs at a time; further ones wait.
        on_change: awaited when a run begins, and when it has ended. If it returns False at the
            begin, the task does not run.
    """

    def __init__(
        self, runner: TaskRunner, clock: Clock, concurrency: int, on_change: OnChange
    ) -> None:
        self.counts: Counter[str] = Counter()
        self._runner = runner
        self._clock = clock
        self._room = asyncio.Semaphore(concurrency)
        self._on_change = on_change
        self.active: dict[str, asyncio.Task[None]] = {}
        self._waiting: set[str] = set()

    def start(self, entry: TaskEntry, on_begin: OnChange | None = None) -> "asyncio.Task[None]":
        """Start a run of *entry*, in a copy of the current context.

        Args:
            on_begin: awaited when it begins, in place of *on_change*.
        """
        task = asyncio.create_task(self._run(entry, on_begin or self._on_change))
        self.active[entry.id] = task
        task.add_done_callback(partial(self._done, entry.id))
        return task

    async def wait(self) -> None:
        """Wait for all runs."""
        while self.active:
            await asyncio.wait(self.active.values())

    def cancel_waiting(self) -> None:
        """Cancel the runs that wait for a slot."""
        for id in self._waiting:
            self.active[id].cancel()

    async def cancel(self) -> None:
        """Cancel all runs, and wait for their end."""
        for id, task in self.active.items():
            logger.warning(
                "the run of the task %s is cancelled, since the process is stopping", id
            )
            task.cancel()
        await self.wait()

    def _done(self, id: str, task: "asyncio.Task[None]") -> None:
        del self.active[id]
        self._waiting.discard(id)
        if not task.cancelled() and (exc := task.exception()) is not None:
            logger.error("the record of a run of the task %s cannot be stored", id, exc_info=exc)

    async def _run(self, entry: TaskEntry, on_begin: OnChange) -> None:
        self._waiting.add(entry.id)
        async with self._room:
            self._waiting.discard(entry.id)
            record = entry.record
            record.is_running, record.last_start = True, self._clock.now()
            outcome: Outcome | None = Outcome(error="cancelled")
            try:
                may_run = await on_begin(entry)
                outcome = await self._runner.run(entry) if may_run else None
            finally:
                record.is_running = False
                if outcome is not None:
                    self._end(entry, outcome)
                    await self._on_change(entry)

    def _end(self, entry: TaskEntry, outcome: Outcome) -> None:
        record = entry.record
        record.last_end = self._clock.now()
        record.result, record.error = outcome.result, outcome.error
        record.runs += 1
        self.counts["tasks.runs"] += 1
        if outcome.error is not None:
            record.failures += 1
            self.counts["tasks.failures"] += 1
