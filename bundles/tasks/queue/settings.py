"""The section ``[tasks.queue]`` of the settings."""

from typing import Literal

import attrs

from bundles.tasks.allowed import COUNT, SECONDS


@attrs.frozen(kw_only=True)
class TaskQueueSettings:
    """Where tasks of `TaskQueue` wait, and how many run."""

    store: Literal["memory", "redis"] = attrs.field(
        default="memory", validator=attrs.validators.in_(("memory", "redis"))
    )
    """``memory``: this process runs them. ``redis``: processes of ``rxkernel tasks worker`` do."""

    size: int = attrs.field(default=10000, validator=COUNT)
    """Most tasks that wait or run; one more is a 503."""

    concurrency: int = attrs.field(default=16, validator=COUNT)
    """Most tasks that one process runs at a time."""

    lost_after: float = attrs.field(default=30.0, validator=SECONDS)
    """Seconds without a sign of a worker, after which another one runs its tasks."""

    result_ttl: float = attrs.field(default=3600.0, validator=SECONDS)
    """Seconds for which Redis keeps the result of a task."""

    prefix: str = attrs.field(default="rxkernel:tasks", validator=attrs.validators.min_len(1))
    """The first part of all keys in Redis: applications with one Redis need different ones."""
