"""Where tasks and their records are."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence

from bundles.tasks.scheduler.entry import TaskEntry


class NotRunnerError(Exception):
    """Another process may run the tasks by now."""


class TaskStore(ABC):
    """An outage is a `TasksUnavailableException`.

    Attributes:
        is_leased: whether another process may run the tasks while this one still goes on, since
            what `acquire` has acquired expires. Then each run begins with `save`.
        poll_interval: most seconds between two calls of `acquire`, and then of `keep`.
    """

    is_leased = False
    poll_interval = 30.0

    @abstractmethod
    async def acquire(self) -> bool:
        """Become the only process that runs the tasks; False if another one is. The end of a
        process releases it, whatever ends it."""

    @property
    def is_held(self) -> bool:
        """Whether this process still is the only one, as far as is known without the store. It
        has acquired it before."""
        return True

    async def keep(self) -> bool:
        """Remain the only process; False if this has failed."""
        return True

    @abstractmethod
    async def release(self) -> None:
        """Let another process run the tasks."""

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
        """Replace the entry with the id of *entry*. One of a decorator is added if it is not there
        yet; False if it is one of `add` and another process has removed it.

        Raises:
            NotRunnerError: this process is not the one that runs the tasks any more.
        """

    @abstractmethod
    async def save_record(self, entry: TaskEntry) -> None:
        """Replace the record of *entry*, but not when it is due. An entry of a decorator is added
        if it is not there yet; one that was removed is not."""

    @abstractmethod
    async def remove(self, ids: Collection[str]) -> int:
        """Remove entries, and return how many of *ids* there were."""
