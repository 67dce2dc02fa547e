"""The section ``[tasks.queue]`` of the settings."""

from typing import Literal

import attrs

from rxkernel import COUNT, SECONDS


@attrs.frozen(kw_only=True)
class TaskQueueSettings:
    """The storage and the limits of a `TaskQueue`."""

    store: Literal["memory", "redis"] = attrs.field(
        default="memory", validator=attrs.validators.in_(("memory", "redis"))
    )
    """``memory``: this process runs the tasks. ``redis``: processes of ``rxkernel tasks worker``
    run them."""

    size: int = attrs.field(default=10000, validator=COUNT)
    """The maximum number of tasks that wait or run; a further task is rejected with 503."""

    concurrency: int = attrs.field(default=16, validator=COUNT)
    """The maximum number of tasks that one process runs at a time."""

    lost_after: float = attrs.field(default=30.0, validator=SECONDS)
    """Seconds without a heartbeat of a worker after which another worker runs its tasks."""

    result_ttl: float = attrs.field(default=3600.0, validator=SECONDS)
    """Seconds for which Redis keeps the result of a task."""
