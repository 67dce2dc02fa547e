"""The storage of scheduled tasks and their records."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence

from bundles.tasks.scheduler.entry import TaskEntry


class NotRunnerError(Exception):
    """This process does not run the tasks any more: another process may run them."""


class TaskStore(ABC):
    """Stores the tasks. Methods raise `TasksUnavailableException` during an outage.

    Attributes:
        is_leased: whether the right to run the tasks, which `acquire` obtains, expires, so that
            another process may run them while this one continues. Then each run begins with
            `save`.
        poll_interval: the maximum of seconds between two calls of `acquire`, and later of `keep`.
    """

    is_leased = False
    poll_interval = 30.0

    @abstractmethod
    async def acquire(self) -> bool:
        """Become the process that runs the tasks; False if another process is. This ends with the
        process, even if it is killed."""

    @property
    def is_held(self) -> bool:
        """Whether this process still is the one that runs the tasks, as far as it knows without
        the store. Called only after `acquire` has succeeded."""
        return True

    async def keep(self) -> bool:
        """Remain the process that runs the tasks; False if it is not any more."""
        return True

    @abstractmethod
    async def release(self) -> None:
        """Allow another process to run the tasks."""

    @abstractmethod
    async def load(self) -> Sequence[TaskEntry]:
        """Return all entries."""

    @abstractmethod
    async def has_changed(self) -> bool:
        """Whether another process has changed an entry since the last call."""

    @abstractmethod
    async def add(self, entry: TaskEntry) -> None:
        """Add an entry of `Scheduler.add`, whose id is new."""

    @abstractmethod
    async def save(self, entry: TaskEntry) -> bool:
        """Replace the entry with the id of *entry*. An entry of a decorator is added if it is
        missing. Returns False if it is an entry of `add` that another process has removed.

        Raises:
            NotRunnerError: this process does not run the tasks any more.
        """

    @abstractmethod
    async def save_record(self, entry: TaskEntry) -> None:
        """Replace the record of *entry*, but not its due time. An entry of a decorator is added if
        it is missing; an entry of `add` that was removed is not."""

    @abstractmethod
    async def remove(self, ids: Collection[str]) -> int:
        """Remove the entries with *ids*, and return the number of those that existed."""
