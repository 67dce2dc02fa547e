"""The section ``[tasks.pool]`` of the settings."""

import os

import attrs

from rxkernel import Allowed

_COUNT = Allowed("a whole number greater than 0", (int,), lambda value: value > 0)
_SECONDS = Allowed("seconds greater than 0", (int, float), lambda value: value > 0)


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@attrs.frozen(kw_only=True)
class WorkerPoolSettings:
    """How many processes a `WorkerPool` has, and how many calls wait for one."""

    size: int = attrs.field(factory=_cores, validator=_COUNT)
    """Most worker processes; by default one for each core that this process may use."""

    start_at_boot: bool = False
    """Whether all workers start at boot. Otherwise each is started by the first call that finds no
    free one."""

    queue_size: int = attrs.field(default=100, validator=_COUNT)
    """Most calls that wait for a worker; one more is a 503."""

    queue_timeout: float = attrs.field(default=5.0, validator=_SECONDS)
    """Seconds after which a call that waits is a 503."""
