"""The record of the last run of a script."""

from datetime import UTC, datetime
from enum import StrEnum

import attrs


class Result(StrEnum):
    """The result of a run. RUNNING in the file means that the run is active, or its process was
    killed."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@attrs.frozen(kw_only=True)
class SetupRecord:
    """One row of the table.

    Attributes:
        name: the key of the script: ``setup/001_tables.py``.
        digest: the hash of the executed content.
        begun: the begin of the run, in seconds since the epoch.
        seconds: the duration of the run; None if it has not ended.
        error: the error of a failed run, with path and line.
    """

    name: str
    digest: str
    begun: float
    result: Result
    seconds: float | None = None
    error: str | None = None

    @property
    def time(self) -> str:
        """The begin of the run in ISO 8601 format, in UTC."""
        return datetime.fromtimestamp(self.begun, UTC).isoformat(timespec="seconds")

    def why_again(self, digest: str) -> str | None:
        """Return the reason why the script with the content *digest* must run again; None if it is
        done."""
        match self.result:
            case Result.RUNNING:
                return f"its process ended during the run of {self.time}"
            case Result.FAILED:
                return f"the run of {self.time} failed: {self.error}"
            case Result.DONE if digest != self.digest:
                return f"it has changed since the run of {self.time}"
        return None
