"""The section ``[tasks.pool]`` of the settings."""

import attrs

from rxkernel import COUNT, SECONDS
from rxkernel.cpus import usable_cpus


@attrs.frozen(kw_only=True)
class WorkerPoolSettings:
    """The number of processes of a `WorkerPool`, and the limits of its queue."""

    size: int = attrs.field(factory=usable_cpus, validator=COUNT)
    """The maximum number of worker processes; by default, the number of cores that this process
    may use."""

    start_at_boot: bool = False
    """Whether all workers start at boot. Otherwise a worker is started when a call finds no free
    one."""

    queue_size: int = attrs.field(default=100, validator=COUNT)
    """The maximum number of calls that wait for a worker; a further call gets a 503."""

    queue_timeout: float = attrs.field(default=5.0, validator=SECONDS)
    """Seconds that a call waits for a worker; then it gets a 503."""
