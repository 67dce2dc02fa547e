"""Who asked for a call in a worker process, and in which request."""

import os

import attrs
import msgspec

from bundles.tasks.worker_process import JOB_VARIABLE
from rxkernel import Request


@attrs.frozen(kw_only=True)
class Job:
    """A copy of what identifies the message that made the call; None where it has no such thing.

    Attributes:
        request_id: the id of the message, as in the log.
        user: the identifier of the user who sent it.
        session_id: the id of the session that it was authenticated with.
    """

    request_id: str | None = None
    user: str | None = None
    session_id: str | None = None

    @classmethod
    def of(cls, request: Request) -> "Job":
        """The job of a call that *request* makes; its token is one of the bundle `security`."""
        token = request.token
        by_session = getattr(token, "credential", None) == "session"
        return cls(
            request_id=request.id,
            user=getattr(token, "identifier", None),
            session_id=getattr(token, "id", None) if by_session else None,
        )


def current_job() -> Job:
    """Return the job of the call that this worker process runs; elsewhere an empty one."""
    text = os.environ.get(JOB_VARIABLE)
    return msgspec.json.decode(text, type=Job) if text else Job()
