"""What is known of the last run of a script."""

from datetime import UTC, datetime
from enum import StrEnum

import attrs


class Result(StrEnum):
    """How a run has ended. One that is stored as running has not: its process was killed."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@attrs.frozen(kw_only=True)
class SetupRecord:
    """One row of the table.

    Attributes:
        name: the key of the script: ``setup/001_tables.py``.
        digest: the hash of the content that has run.
        begun: when it has begun, in seconds since 1970.
        seconds: how long it has run; None if it has not ended.
        error: why it failed, with path and line.
    """

    name: str
    digest: str
    begun: float
    result: Result
    seconds: float | None = None
    error: str | None = None

    @property
    def time(self) -> str:
        """When it has begun, in the form of ISO 8601, UTC."""
        return datetime.fromtimestamp(self.begun, UTC).isoformat(timespec="seconds")

    def why_again(self, digest: str) -> str | None:
        """Return why the script with the content *digest* has to run again; None if it is done."""
        match self.result:
            case Result.RUNNING:
                return f"its process ended during the run of {self.time}"
            case Result.FAILED:
                return f"the run of {self.time} failed: {self.error}"
            case Result.DONE if digest != self.digest:
                return f"it has changed since the run of {self.time}"
        return None
