"""A task in the queue, and the end of its run."""

from typing import Any

import attrs

from bundles.tasks.job import NO_JOB, Job


@attrs.frozen(kw_only=True)
class TaskMessage:
    """What a queue holds, as JSON: the same in this process and in Redis.

    Attributes:
        task: the name of the procedure.
        failures: how many runs of it have failed.
        job: the message that has put it into the queue.
    """

    id: str
    task: str
    params: dict[str, Any] = attrs.field(factory=dict)
    body: Any = None
    failures: int = 0
    job: Job = NO_JOB


@attrs.frozen(kw_only=True)
class TaskOutcome:
    """The result of the last run as JSON, or the text and the status of its error."""

    result: Any = None
    error: str | None = None
    status_code: int = 200
