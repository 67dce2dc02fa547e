"""Runs queued tasks as messages, and decides whether a failed task is retried."""

import logging
from collections import Counter
from copy import deepcopy

import attrs
from injector import inject

from bundles.tasks.job import task_job
from bundles.tasks.queue.message import TaskMessage, TaskOutcome
from bundles.tasks.queue.task import TASK_OPTION, TaskOptions
from bundles.tasks.task_runner import TaskRunner
from bundles.tasks.transport import TASKS
from rxkernel import Kernel, Request, decode_json

logger = logging.getLogger(__name__)


@attrs.frozen
class Retry:
    """The message of the next run, and its delay in seconds."""

    message: TaskMessage
    delay: float


class TaskExecution:
    """
    Attributes:
        counts: ``tasks.queue.runs``: runs that ended in this process; ``tasks.queue.failures``:
            those of them that failed.
    """

    @inject
    def __init__(self, kernel: Kernel, runner: TaskRunner) -> None:
        self.counts: Counter[str] = Counter()
        self._kernel = kernel
        self._runner = runner

    async def run(self, message: TaskMessage) -> TaskOutcome:
        """Handle one message. The caller must run it in an asyncio task and context of its own."""
        task_job.set(message.job)
        params, body = deepcopy((message.params, message.body))  # the action may change them
        request = Request(TASKS, params=params, body=body, url=message.task)
        if message.job.request_id is not None:
            request.id = message.job.request_id
        handled = await self._runner.handle(request, message.task)
        self.counts["tasks.queue.runs"] += 1
        if handled.error is not None:
            self.counts["tasks.queue.failures"] += 1
            return TaskOutcome(error=handled.error, status_code=handled.status_code)
        return TaskOutcome(result=decode_json(handled.data), status_code=handled.status_code)

    def retry(self, message: TaskMessage, outcome: TaskOutcome) -> Retry | None:
        """Return the next run of *message* after *outcome*; None if it is not retried."""
        if outcome.error is None:
            return None
        definition = self._kernel.definitions[TASKS].get(message.task)
        is_rejected = 400 <= outcome.status_code < 500
        if definition is not None and is_rejected:  # a worker may not know a new task yet
            return None
        failures = message.failures + 1
        options = self.options_of(message)
        if failures > options.retries:
            logger.error(
                "the task %s has failed %d times and is not retried (%s)",
                *(message.task, failures, message.id),
            )
            return None
        delay = options.delay_after(failures)
        logger.info("the task %s is retried in %.1f s (%s)", message.task, delay, message.id)
        return Retry(attrs.evolve(message, failures=failures), delay)

    def options_of(self, message: TaskMessage) -> TaskOptions:
        definition = self._kernel.definitions[TASKS].get(message.task)
        found = None if definition is None else definition.options.get(TASK_OPTION)
        return found if isinstance(found, TaskOptions) else TaskOptions()
