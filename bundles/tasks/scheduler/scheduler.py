"""`Scheduler`: adds, removes, lists and runs tasks while the application runs."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from secrets import token_hex
from typing import Any

from injector import inject

from bundles.clock import Clock
from bundles.tasks.scheduler.accepted_arguments import problems_of_arguments
from bundles.tasks.scheduler.entries import TaskEntries
from bundles.tasks.scheduler.entry import TaskEntry, TaskRecord
from bundles.tasks.scheduler.plan import Misfire, Plan
from bundles.tasks.scheduler.planner import Planner
from rxkernel import ConflictException, decode_json, encode_json


class Scheduler:
    """The tasks of an application: those of its decorators, and those that `add` has added.

    A task is a procedure of the transport `TASKS`. The tasks run by their times while the servers
    of the application are running.
    """

    @inject
    def __init__(self, entries: TaskEntries, planner: Planner, clock: Clock) -> None:
        self._entries = entries
        self._planner = planner
        self._clock = clock

    async def add(
        self,
        task: str,
        *,
        every: str | float | timedelta | None = None,
        cron: str | None = None,
        at: str | datetime | None = None,
        timezone: str = "UTC",
        jitter: float = 0.0,
        misfire: Misfire = "run",
        name: str | None = None,
        params: Mapping[str, Any] | None = None,
        body: Any = None,
    ) -> str | None:
        """Run the procedure *task* at the times of exactly one of *every*, *cron* and *at*.

        The other arguments are those of the decorators, see `every`. The task is stored when this
        returns, and survives the end of the process unless the store is ``memory``. It is removed
        after its last run.

        Args:
            name: a group for `stop`; by default *task*.
            params, body: the arguments of the procedure; any JSON. A procedure that takes the
                request accepts all parameters, any other only those it declares.

        Returns:
            The id of the task; None if it is never due, since its time has passed.

        Raises:
            ValueError: an argument is invalid, there is no procedure *task*, or it does not accept
                one of *params* or a *body*.
            TypeError: *params* or *body* are not JSON.
            TasksUnavailableException: it cannot be stored.
        """
        plan = _plan_of(task, {"every": every, "cron": cron, "at": at}, timezone, jitter, misfire)
        if (definition := self._entries.definition_of(task)) is None:
            known = ", ".join(self._entries.procedures()) or "none"
            raise ValueError(f"unknown task {task!r}; the tasks are: {known}")
        if problems := list(problems_of_arguments(definition, params or {}, body)):
            raise ValueError("; ".join(problems))
        entry = TaskEntry(
            id=token_hex(8),
            task=task,
            name=task if name is None else name,
            plan=plan,
            params=decode_json(encode_json(dict(params or {}))),
            body=decode_json(encode_json(body)),
        )
        entry.record.due = entry.schedule.next_after(self._clock.now())
        if entry.record.due is None:
            return None
        await self._entries.store.add(entry)
        self._entries.known[entry.id] = entry
        self._planner.plan(entry)
        return entry.id

    async def remove(self, id: str) -> bool:
        """Remove a task that `add` has added, and return whether it existed. A run that has begun
        continues.

        Raises:
            ValueError: *id* is the id of a decorated method.
            TasksUnavailableException: the store cannot be used.
        """
        if self._entries.is_declared(id):
            raise ValueError(f"the task {id!r} is made by a decorator; remove the decorator")
        return await self._remove([id]) == 1

    async def stop(self, name: str | None = None) -> int:
        """Remove the tasks that were added with *name*, by default all that were added, and return
        their number. Runs that have begun continue.

        Raises:
            TasksUnavailableException: the store cannot be used.
        """
        added = [entry for entry in await self.entries() if not entry.is_declared]
        return await self._remove([e.id for e in added if name is None or e.name == name])

    async def entries(self) -> Sequence[TaskEntry]:
        """Return all tasks with their records, the next one first.

        Raises:
            TasksUnavailableException: the store cannot be used.
        """
        await self._planner.refresh()
        return sorted(self._entries.known.values(), key=_by_due)

    async def run(self, id: str) -> TaskRecord:
        """Run a task now, and return its record. *id* may also be the name of a procedure without
        a schedule, whose record is not stored. If the caller is cancelled, so is the run.

        A run of the same task in another process is not detected.

        Raises:
            KeyError: there is no such task.
            ConflictException: it is already running in this process.
            TasksUnavailableException: the store cannot be used.
        """
        await self._planner.refresh()
        entry = self._entries.known.get(id)
        if entry is None:
            if self._entries.definition_of(id) is None:
                raise KeyError(id)
            entry = TaskEntry(id=id, task=id, name=id, plan=Plan("at", "1970-01-01"))
        if id in self._planner.runs.active:
            raise ConflictException(f"the task {id!r} is already running", code="task_running")
        await self._planner.runs.start(entry)
        return entry.record

    async def _remove(self, ids: Sequence[str]) -> int:
        removed = await self._entries.remove(ids)
        for id in ids:
            self._planner.forget(id)
        return removed


def _plan_of(
    task: str, given: Mapping[str, Any], timezone: str, jitter: float, misfire: Misfire
) -> Plan:
    kinds = [kind for kind, value in given.items() if value is not None]
    if len(kinds) != 1:
        raise ValueError(f"the task {task!r} needs exactly one of every=, cron= and at=")
    (kind,) = kinds
    plan = Plan(kind, given[kind], timezone, jitter, misfire)  # type: ignore[arg-type]  # a key
    if problems := list(plan.problems()):
        raise ValueError(f"the task {task!r} is invalid: {'; '.join(problems)}")
    return plan.stored()


def _by_due(entry: TaskEntry) -> tuple[float, str]:
    due = entry.record.due
    return float("inf") if due is None else due, entry.id
