"""A scheduled task, and the record of its runs."""

from typing import Any

import attrs

from bundles.tasks.scheduler.plan import Plan
from bundles.tasks.scheduler.schedule import Schedule


@attrs.define(kw_only=True)
class TaskRecord:
    """The next time of a task, and the record of its runs. Times are seconds since the epoch.

    Attributes:
        due: the time of the next run; None: never again.
        runs: the number of runs that ended.
        failures: the number of these that failed.
        skipped: the number of times that it was due while it was still running.
        missed: the number of runs that were skipped, since their time had passed.
        is_running: whether a run has begun and not ended.
        last_start: the time at which the last run began.
        last_end: the time at which the last run ended.
        result: the result of the last run, as JSON; None if it is larger than 4 KiB.
        error: the error of the last run, at most 1000 characters; None if it succeeded.
    """

    due: float | None = None
    runs: int = 0
    failures: int = 0
    skipped: int = 0
    missed: int = 0
    is_running: bool = False
    last_start: float | None = None
    last_end: float | None = None
    result: Any = None
    error: str | None = None

    def interrupt(self) -> None:
        """Record that the process ended while the task ran."""
        self.is_running = False
        self.runs += 1
        self.failures += 1
        self.result, self.error = None, "the process ended during the run"


@attrs.define(eq=False, kw_only=True)
class TaskEntry:
    """One task with its times.

    Attributes:
        id: the id that `Scheduler.add` returned; for a decorated method, the name of its
            procedure.
        task: the name of the procedure.
        name: the group that `Scheduler.stop` removes.
        params, body: the arguments of the procedure.
        is_declared: whether it is the task of a decorator.
    """

    id: str
    task: str
    name: str
    plan: Plan
    params: dict[str, Any] = attrs.field(factory=dict)
    body: Any = None
    is_declared: bool = False
    record: TaskRecord = attrs.field(factory=TaskRecord)
    schedule: Schedule = attrs.field(repr=False)

    @schedule.default
    def _read(self) -> Schedule:
        return self.plan.schedule

    @property
    def is_over(self) -> bool:
        """Whether it was added by `Scheduler.add`, and has no further run."""
        record = self.record
        return record.due is None and not record.is_running and not self.is_declared
