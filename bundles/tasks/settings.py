"""The settings of the bundle."""

from pathlib import Path
from typing import Literal

import attrs

from bundles.tasks.allowed import COUNT, SECONDS
from bundles.tasks.pool.settings import WorkerPoolSettings
from bundles.tasks.queue.settings import TaskQueueSettings
from rxkernel import Allowed

_LEASE = Allowed("seconds, from 0.2 to 3600", (int, float), lambda value: 0.2 <= value <= 3600)


@attrs.frozen(kw_only=True)
class TasksSettings:
    """The section ``[tasks]`` of ``rxkernel.toml``."""

    store: Literal["memory", "sqlite", "redis"] = attrs.field(
        default="sqlite", validator=attrs.validators.in_(("memory", "sqlite", "redis"))
    )
    """Where schedules and records are: in this process, in a file that survives it, or in Redis
    for the processes of several machines."""

    file: Path = attrs.field(default=Path("var/tasks.sqlite3"), metadata={"per_application": True})
    """The file of the store ``sqlite``; created with mode 600."""

    prefix: str = attrs.field(default="rxkernel:tasks", validator=attrs.validators.min_len(1))
    """The first part of all keys of the store ``redis``: applications with one Redis need
    different ones."""

    lease: float = attrs.field(default=10.0, validator=_LEASE)
    """With the store ``redis``: seconds within which another process runs the tasks, when the one
    that ran them was killed."""

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
