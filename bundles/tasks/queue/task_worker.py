"""Runs the queued tasks in Redis, for ``rxkernel tasks worker``."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from contextvars import Context

import attrs
from injector import inject
from redis.exceptions import RedisError

from bundles.redis.outage import Outage
from bundles.tasks.queue.execution import Retry, TaskExecution
from bundles.tasks.queue.message import TaskOutcome
from bundles.tasks.queue.redis_backend import RedisTasks, TakenTask
from bundles.tasks.queue.settings import TaskQueueSettings
from rxkernel import Settings

logger = logging.getLogger(__name__)

_FIRST_DELAY, _LONGEST_DELAY = 0.1, 2.0
"""Seconds between two attempts while Redis cannot be used."""


class TaskWorker:
    """Runs each task at least once: if this process ends, another worker runs its tasks again."""

    @inject
    def __init__(
        self,
        tasks: RedisTasks,
        execution: TaskExecution,
        outage: Outage,
        settings: TaskQueueSettings,
        application: Settings,
    ) -> None:
        self._tasks = tasks
        self._execution = execution
        self._outage = outage
        self._concurrency = settings.concurrency
        self._beat = settings.lost_after / 3
        self._shutdown_timeout = application.shutdown_timeout
        self._running: dict[asyncio.Task[None], TakenTask] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Run tasks until *stop* is set; then finish the running ones, or put them back."""
        beat = asyncio.create_task(self._keep())
        stopped = asyncio.create_task(stop.wait())
        delay = _FIRST_DELAY
        logger.info("running queued tasks, at most %d at a time", self._concurrency)
        try:
            while not stop.is_set():
                if len(self._running) >= self._concurrency:
                    await asyncio.wait(
                        {stopped, *self._running}, return_when=asyncio.FIRST_COMPLETED
                    )
                    continue
                try:
                    await self._take()
                    delay = _FIRST_DELAY
                except RedisError as exc:
                    self._report(exc)
                    await asyncio.wait({stopped}, timeout=delay)
                    delay = min(2 * delay, _LONGEST_DELAY)
            await self._drain()
        finally:
            for task in (beat, stopped):
                task.cancel()
            await asyncio.wait({beat, stopped})

    async def _take(self) -> None:
        taken = await self._tasks.take(self._concurrency - len(self._running))
        for one in taken:
            task = asyncio.create_task(self._run(one), context=Context())
            self._running[task] = one
            task.add_done_callback(self._done)
        if not taken:
            await self._tasks.wait()

    async def _drain(self) -> None:
        if self._running:
            await asyncio.wait(self._running, timeout=self._shutdown_timeout)
        for task, taken in self._running.items():
            logger.warning(
                "the task %s is put back into the queue, since the worker is stopping",
                taken.message.task,
            )
            task.cancel()
        while self._running:
            await asyncio.wait(self._running)

    async def _run(self, taken: TakenTask) -> None:
        message = attrs.evolve(
            taken.message, failures=taken.message.failures + taken.losses
        )  # a run that ended with its worker has failed
        if taken.losses and message.failures > self._execution.options_of(message).retries:
            error = f"the worker process ended during {taken.losses} of its runs"
            logger.error("task %s failed: %s", message.task, error)
            await self._end(taken, TaskOutcome(error=error, status_code=500), None)
            return
        try:
            outcome = await self._execution.run(taken.message)
        except asyncio.CancelledError:
            await self._tasks.again(taken, taken.message, 0.0)
            raise
        await self._end(taken, outcome, self._execution.retry(message, outcome))

    async def _end(self, taken: TakenTask, outcome: TaskOutcome, retry: Retry | None) -> None:
        async def store() -> bool:
            if retry is None:
                return await self._tasks.finish(taken, outcome)
            again = attrs.evolve(retry.message, failures=retry.message.failures - taken.losses)
            return await self._tasks.again(taken, again, retry.delay)

        if not await self._until_stored(store):
            logger.warning("another worker has taken the task %s", taken.message.task)

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(self._beat)
            if self._running:
                try:
                    lost = set(await self._tasks.keep(self._running.values()))
                except RedisError as exc:
                    self._report(exc)
                    continue
                self._cancel(lost)

    def _cancel(self, lost: Collection[str]) -> None:
        """Cancel the runs of tasks that another worker has taken, while this process was
        paused."""
        for task, taken in self._running.items():
            if taken.message.id in lost:
                logger.warning("another worker has taken the task %s", taken.message.task)
                task.cancel()

    async def _until_stored(self, store: Callable[[], Awaitable[bool]]) -> bool:
        """Call *store*, again and again during an outage of Redis."""
        delay = _FIRST_DELAY
        while True:
            try:
                return await store()
            except RedisError as exc:
                self._report(exc)
            await asyncio.sleep(delay)
            delay = min(2 * delay, _LONGEST_DELAY)

    def _report(self, exc: RedisError) -> None:
        """Log an outage once, and each other error. The worker continues in both cases, since the
        other error may end too."""
        if not self._outage.report_error(exc):
            logger.error("Redis rejected a command of this worker, which is retried: %s", exc)

    def _done(self, task: "asyncio.Task[None]") -> None:
        taken = self._running.pop(task)
        if not task.cancelled() and (failure := task.exception()) is not None:
            logger.error("the task %s was not completed", taken.message.task, exc_info=failure)
