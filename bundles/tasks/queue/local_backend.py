"""Runs queued tasks in this process. They are lost when it ends."""

import asyncio
import logging
from contextvars import Context
from functools import partial

from injector import inject

from bundles.tasks.queue.backend import TaskBackend, Waiter
from bundles.tasks.queue.exceptions import TaskQueueFullException
from bundles.tasks.queue.execution import TaskExecution
from bundles.tasks.queue.message import TaskMessage, TaskOutcome
from bundles.tasks.queue.settings import TaskQueueSettings
from rxkernel import Settings

logger = logging.getLogger(__name__)


class LocalTasks(TaskBackend):
    @inject
    def __init__(
        self, execution: TaskExecution, settings: TaskQueueSettings, application: Settings
    ) -> None:
        self._execution = execution
        self._size = settings.size
        self._shutdown_timeout = application.shutdown_timeout
        self._room = asyncio.Semaphore(settings.concurrency)
        self._tasks: dict[asyncio.Task[TaskOutcome], TaskMessage] = {}
        self._stopping = asyncio.Event()

    async def put(self, message: TaskMessage) -> Waiter:
        if self._stopping.is_set():
            raise TaskQueueFullException("the application is stopping", code="task_queue_closed")
        if len(self._tasks) >= self._size:
            raise TaskQueueFullException(
                "the task queue is full; try again later", code="task_queue_full"
            )
        task = asyncio.create_task(self._run(message), context=Context())
        self._tasks[task] = message
        task.add_done_callback(self._done)
        return partial(_outcome_of, task)

    async def drain(self) -> None:
        """Finish the running and waiting tasks; those that wait for a retry fail now."""
        self._stopping.set()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=self._shutdown_timeout)
        for task, message in self._tasks.items():
            logger.error("the task %s did not end in time; it is cancelled and lost", message.task)
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _run(self, message: TaskMessage) -> TaskOutcome:
        while True:
            async with self._room:
                outcome = await self._execution.run(message)
            retry = self._execution.retry(message, outcome)
            if retry is None or await self._stops_within(retry.delay):
                return outcome
            message = retry.message

    async def _stops_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                return await self._stopping.wait()
        except TimeoutError:
            return False

    def _done(self, task: "asyncio.Task[TaskOutcome]") -> None:
        message = self._tasks.pop(task)
        if not task.cancelled() and (failure := task.exception()) is not None:
            logger.error("the task %s cannot be run", message.task, exc_info=failure)


async def _outcome_of(task: "asyncio.Task[TaskOutcome]") -> TaskOutcome:
    await asyncio.wait({task})
    if task.cancelled():
        return TaskOutcome(error="cancelled, since the process was stopped", status_code=503)
    return task.result()
