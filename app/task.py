"""What clients receive of a task."""

from datetime import datetime
from typing import Self

import attrs

from app.tables import StoredTask


@attrs.frozen
class Task:
    """A task; *created* is in UTC.

    *owner* is the name of the only account that sees a private task; None: all see the task.
    """

    id: int
    title: str
    done: bool
    created: datetime
    owner: str | None = None

    @classmethod
    def of(cls, task: StoredTask) -> Self:
        return cls(task.id, task.title, task.done, task.created, task.owner)
