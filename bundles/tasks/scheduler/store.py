"""Where tasks and their records are."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence

from bundles.tasks.scheduler.entry import TaskEntry


class TaskStore(ABC):
    """An outage is a `TasksUnavailableException`."""

    @abstractmethod
    async def acquire(self) -> bool:
        """Become the only process that runs the tasks; False if another one is. The end of a
        process releases it, whatever ends it."""

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
        yet; False if it is one of `add` and another process has removed it."""

    @abstractmethod
    async def save_record(self, entry: TaskEntry) -> None:
        """Replace the record of *entry*, but not when it is due. An entry of a decorator is added
        if it is not there yet; one that was removed is not."""

    @abstractmethod
    async def remove(self, ids: Collection[str]) -> int:
        """Remove entries, and return how many of *ids* there were."""
