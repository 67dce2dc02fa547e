"""What holds the tasks of a `TaskQueue`."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable

from bundles.tasks.queue.message import TaskMessage, TaskOutcome

Waiter = Callable[[], Awaitable[TaskOutcome]]
"""Waits for the outcome of a task; it may be called more than once."""


class TaskBackend(ABC):
    @abstractmethod
    async def put(self, message: TaskMessage) -> Waiter:
        """Store *message*, and return what waits for its outcome.

        Raises:
            TaskQueueFullException: too many tasks wait.
        """
