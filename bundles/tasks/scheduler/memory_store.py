"""Stores tasks in the memory of one process."""

from collections.abc import Collection, Sequence

from bundles.tasks.scheduler.entry import TaskEntry
from bundles.tasks.scheduler.store import TaskStore


class MemoryTaskStore(TaskStore):
    def __init__(self) -> None:
        self._entries: dict[str, TaskEntry] = {}

    async def acquire(self) -> bool:
        return True

    async def release(self) -> None:
        pass

    async def load(self) -> Sequence[TaskEntry]:
        return tuple(self._entries.values())

    async def has_changed(self) -> bool:
        return False

    async def add(self, entry: TaskEntry) -> None:
        self._entries[entry.id] = entry

    async def save(self, entry: TaskEntry) -> bool:
        if not entry.is_declared:
            return entry.id in self._entries  # the entry is the same object
        self._entries[entry.id] = entry
        return True

    async def save_record(self, entry: TaskEntry) -> None:
        pass  # the entry is the same object

    async def remove(self, ids: Collection[str]) -> int:
        return sum(self._entries.pop(id, None) is not None for id in ids)
