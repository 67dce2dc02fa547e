"""A task in the queue, and its outcome."""

from typing import Any

import attrs

from bundles.tasks.job import NO_JOB, Job


@attrs.frozen(kw_only=True)
class TaskMessage:
    """A task in the queue. Redis stores it as JSON.

    Attributes:
        task: the name of the procedure.
        failures: the number of its runs that failed.
        job: the ids of the message that put it into the queue.
    """

    id: str
    task: str
    params: dict[str, Any] = attrs.field(factory=dict)
    body: Any = None
    failures: int = 0
    job: Job = NO_JOB


@attrs.frozen(kw_only=True)
class TaskOutcome:
    """The result of the last run, as decoded JSON, or the text and the status of its error."""

    result: Any = None
    error: str | None = None
    status_code: int = 200
