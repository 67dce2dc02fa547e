"""The settings of the bundle."""

from pathlib import Path
from typing import Literal

import attrs

from bundles.tasks.allowed import COUNT, SECONDS
from bundles.tasks.pool.settings import WorkerPoolSettings
from bundles.tasks.queue.settings import TaskQueueSettings


@attrs.frozen(kw_only=True)
class TasksSettings:
    """The section ``[tasks]`` of ``rxkernel.toml``."""

    store: Literal["memory", "sqlite"] = attrs.field(
        default="sqlite", validator=attrs.validators.in_(("memory", "sqlite"))
    )
    """Where schedules and records are: in this process, or in a file that survives it."""

    file: Path = attrs.field(default=Path("var/tasks.sqlite3"), metadata={"per_application": True})
    """The file of the store ``sqlite``; created with mode 600."""

    concurrency: int = attrs.field(default=16, validator=COUNT)
    """Most runs at a time; further ones wait for their turn."""

    misfire_grace: float = attrs.field(default=60.0, validator=SECONDS)
    """Seconds after which a run that has not begun has missed its time."""

    max_background: int = attrs.field(default=1000, validator=COUNT)
    """Most coroutines of `Background` at a time; one more is a 503."""

    pool: WorkerPoolSettings = attrs.field(factory=WorkerPoolSettings)
    """The worker processes of `WorkerPool`: the section ``[tasks.pool]``."""

    queue: TaskQueueSettings = attrs.field(factory=TaskQueueSettings)
    """The tasks of `TaskQueue`: the section ``[tasks.queue]``."""
