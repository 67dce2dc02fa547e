"""The storage of the tasks of a `TaskQueue`."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable

from bundles.tasks.queue.message import TaskMessage, TaskOutcome

Waiter = Callable[[], Awaitable[TaskOutcome]]
"""Waits for a task, and returns its outcome; it may be called more than once."""


class TaskBackend(ABC):
    @abstractmethod
    async def put(self, message: TaskMessage) -> Waiter:
        """Store *message*, and return a function that waits for its outcome.

        Raises:
            TaskQueueFullException: the queue is full, or the application is stopping.
        """
