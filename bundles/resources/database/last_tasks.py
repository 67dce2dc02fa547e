"""Tasks that end transactions, and continue when the task that waits for them is cancelled."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

logger = logging.getLogger("rxkernel.database")

Task = asyncio.Task[None]

_TIMEOUT = 5.0
"""Seconds that `LastTasks.close` waits before it cancels the remaining tasks."""


class LastTasks:
    """Keeps references to its tasks until they are done, since the event loop has only weak
    ones."""

    def __init__(self) -> None:
        self._tasks: set[Task] = set()

    def start(self, work: Coroutine[Any, Any, None]) -> Task:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def wait(self, task: Task) -> None:
        """Wait for *task*. If the current task is cancelled, *task* continues, and its error is
        logged."""
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(_log_failure)
            raise

    async def close(self) -> None:
        """Wait for all tasks, and cancel those that take too long."""
        if not self._tasks:
            return
        _, late = await asyncio.wait(self._tasks, timeout=_TIMEOUT)
        for task in late:
            task.cancel()
        if late:
            logger.error(
                "%d commits, with their calls of AfterCommit, took too long and were cancelled",
                len(late),
            )
            await asyncio.wait(late)


def _log_failure(task: Task) -> None:
    if not task.cancelled() and (failure := task.exception()) is not None:
        logger.error("the end of a cancelled transaction failed", exc_info=failure)
