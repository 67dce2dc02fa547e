"""A scheduled task, and the record of its runs."""

from typing import Any

import attrs

from bundles.tasks.scheduler.plan import Plan
from bundles.tasks.scheduler.schedule import Schedule


@attrs.define(kw_only=True)
class TaskRecord:
    """What has happened to a task. Times are seconds since the epoch.

    Attributes:
        due: when it is due next; None: never again.
        runs: how many runs have ended.
        failures: how many of them failed.
        skipped: how many times it was due while it still ran.
        missed: how many runs were not made, since their time had passed.
        is_running: whether a run has begun and not ended.
        last_start: when the last run began.
        last_end: when the last run ended.
        result: what the last run returned, as JSON has it; None if it is larger than 4 KiB.
        error: why the last run failed; None if it succeeded.
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
        id: that of `Scheduler.add`; of a decorated method the name of its procedure.
        task: the name of the procedure.
        name: the group that `Scheduler.stop` removes.
        params, body: what the procedure receives.
        is_declared: whether a decorator has made it.
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
        """Whether it was added, has no further run and can be removed."""
        record = self.record
        return record.due is None and not record.is_running and not self.is_declared
