"""The settings of the bundle."""

from pathlib import Path
from typing import Literal

import attrs

from bundles.tasks.pool.settings import WorkerPoolSettings
from bundles.tasks.queue.settings import TaskQueueSettings
from rxkernel import COUNT, SECONDS, seconds_between
from rxkernel.settings import FILE


@attrs.frozen(kw_only=True)
class TasksSettings:
    """The section ``[tasks]`` of ``rxkernel.toml``."""

    store: Literal["memory", "sqlite", "redis"] = attrs.field(
        default="sqlite", validator=attrs.validators.in_(("memory", "sqlite", "redis"))
    )
    """Where schedules and records are stored: in the memory of this process, in a file that
    survives it, or in Redis for processes on several machines."""

    file: Path = attrs.field(
        default=Path("var/tasks.sqlite3"), validator=FILE, metadata={"per_application": True}
    )
    """The file of the store ``sqlite``; it is created with mode 600."""

    lease: float = attrs.field(default=10.0, validator=seconds_between(0.2, 3600))
    """With the store ``redis``: seconds within which another process takes over the tasks of a
    process that was killed."""

    concurrency: int = attrs.field(default=16, validator=COUNT)
    """The maximum number of runs at a time; further runs wait."""

    misfire_grace: float = attrs.field(default=60.0, validator=SECONDS)
    """Seconds of delay after which a run has missed its time; see ``misfire`` of `every`."""

    max_background: int = attrs.field(default=1000, validator=COUNT)
    """The maximum number of coroutines of `Background` at a time; a further one is a 503."""

    pool: WorkerPoolSettings = attrs.field(factory=WorkerPoolSettings)
    """The settings of `WorkerPool`: the section ``[tasks.pool]``."""

    queue: TaskQueueSettings = attrs.field(factory=TaskQueueSettings)
    """The settings of `TaskQueue`: the section ``[tasks.queue]``."""
