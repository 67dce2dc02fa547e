"""The tasks that this process knows, from decorators and from the store."""

import logging
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

import attrs
from injector import inject

from bundles.clock import Clock
from bundles.tasks.exceptions import TasksUnavailableException
from bundles.tasks.scheduler.entry import TaskEntry, TaskRecord
from bundles.tasks.scheduler.plan import OPTION, Plan
from bundles.tasks.scheduler.store import TaskStore
from bundles.tasks.transport import TASKS
from rxkernel import Compiled, Definition, Kernel

logger = logging.getLogger(__name__)


class TaskEntries:
    """Another process may change entries in the store, and may run their tasks.

    Attributes:
        known: the entries by id, as this process has read them.
        is_down: whether the last use of the store failed. The store logs the outage.
    """

    @inject
    def __init__(self, kernel: Kernel, store: TaskStore, clock: Clock) -> None:
        self.known: dict[str, TaskEntry] = {}
        self.is_down = False
        self.store = store
        self._kernel = kernel
        self._clock = clock

    def definition_of(self, name: str) -> Definition | None:
        """Return the procedure *name*, or None."""
        return self._kernel.definitions[TASKS].get(name)

    def procedures(self) -> list[str]:
        """Return the names of the procedures that a task may run."""
        return [definition.name for definition in self._kernel.definitions[TASKS]]

    def is_declared(self, id: str) -> bool:
        """Whether *id* is the id of a decorated method."""
        definition = self.definition_of(id)
        return definition is not None and OPTION in definition.options

    async def load(self, active: Collection[str] = ()) -> list[TaskEntry]:
        """Read all entries, and add the new ones of decorators. The entry objects of *active* ids
        are kept.

        Returns:
            The entries that are missing in the store, or have another plan there.

        Raises:
            TasksUnavailableException: the store cannot be used.
        """
        loaded = {entry.id: entry for entry in await self.store.load()}
        for id in self.known.keys() & active:
            loaded[id] = self.known[id]
        self.known = loaded
        return self.declare(self._kernel.compiled)[0]

    def declare(self, compiled: Compiled) -> tuple[list[TaskEntry], list[str]]:
        """Add entries for the decorated methods, and remove those of methods that do not exist any
        more.

        Returns:
            The entries that are new or have another plan, and the ids of the removed ones.
        """
        plans = dict(_declared(compiled))
        removed = [e.id for e in self.known.values() if e.is_declared and e.id not in plans]
        for id in removed:
            del self.known[id]
        changed = []
        for id, plan in plans.items():
            known = self.known.get(id)
            if known is None or known.plan != plan:
                record = TaskRecord() if known is None else known.record
                entry = TaskEntry(id=id, task=id, name=id, plan=plan, is_declared=True)
                entry.record = record
                record.due = entry.schedule.next_after(self._clock.now())
                if record.due is None:
                    logger.warning("the task %s (%s) never runs: its time has passed", id, plan)
                self.known[id] = entry
                changed.append(entry)
        return changed, removed

    async def merge(self, active: Collection[str]) -> tuple[list[TaskEntry], list[str]]:
        """Read the changes of other processes: entries that were added or removed, and records.

        Returns:
            The entries that are new, and the ids of the removed ones.

        Raises:
            TasksUnavailableException: the store cannot be used.
        """
        busy = set(active)
        stored = {entry.id: entry for entry in await self.store.load()}
        busy.update(active)  # of a run that ended meanwhile, the old record may have been read
        added = [e for e in stored.values() if e.id not in self.known and not e.is_declared]
        removed = [e.id for e in self.known.values() if not e.is_declared and e.id not in stored]
        for id in removed:
            del self.known[id]
        for id in self.known.keys() & stored.keys() - busy:
            entry = self.known[id]
            entry.record = attrs.evolve(stored[id].record, due=entry.record.due)
        self.known.update((entry.id, entry) for entry in added)
        return added, removed

    async def remove(self, ids: Sequence[str]) -> int:
        """Remove the entries with *ids*, and return the number of those that existed.

        Raises:
            TasksUnavailableException: the store cannot be used.
        """
        removed = await self.store.remove(ids)
        for id in ids:
            self.known.pop(id, None)
        return removed

    @contextmanager
    def during_outage(self) -> Iterator[None]:
        """Continue if the store cannot be used: the tasks of this process still run."""
        try:
            yield
        except TasksUnavailableException:
            self.is_down = True
        else:
            self.is_down = False


def _declared(compiled: Compiled) -> Iterator[tuple[str, Plan]]:
    for definition in compiled.definitions[TASKS]:
        if (plan := definition.options.get(OPTION)) is not None:
            yield definition.name, plan.stored()
