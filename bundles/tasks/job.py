"""`Job`: the request, the user and the session of a task, or of a call in a worker process."""

import os
from contextvars import ContextVar

import attrs
import msgspec

from bundles.tasks.pool.worker_process import JOB_VARIABLE
from rxkernel import Request, current_request


@attrs.frozen(kw_only=True)
class Job:
    """Copies of the ids of the message that started the work; each may be None.

    Attributes:
        request_id: the id of the message, as in the log.
        user: the identifier of the user who sent it.
        session_id: the id of the session that authenticated the message.
    """

    request_id: str | None = None
    user: str | None = None
    session_id: str | None = None

    @classmethod
    def of(cls, request: Request) -> "Job":
        """Return the job of the work that *request* starts. User and session are read from a token
        of the bundle `security`."""
        token = request.token
        by_session = getattr(token, "credential", None) == "session"
        return cls(
            request_id=request.id,
            user=getattr(token, "identifier", None),
            session_id=getattr(token, "id", None) if by_session else None,
        )


NO_JOB = Job()

task_job: ContextVar[Job | None] = ContextVar("task_job", default=None)
"""The job of the task that runs in this context."""


def current_job() -> Job:
    """Return the job of the running task, or of the running call in a worker process.

    In any other message, return the job of the work that the message would start; outside of
    messages, an empty job.
    """
    if text := os.environ.get(JOB_VARIABLE):
        return msgspec.json.decode(text, type=Job)
    if (job := task_job.get()) is not None:
        return job
    request = current_request.get()
    return NO_JOB if request is None else Job.of(request)
