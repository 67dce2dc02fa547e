"""The section ``[tasks.pool]`` of the settings."""

import attrs

from bundles.tasks.allowed import COUNT, SECONDS
from rxkernel.cpus import usable_cpus


@attrs.frozen(kw_only=True)
class WorkerPoolSettings:
    """How many processes a `WorkerPool` has, and how many calls wait for one."""

    size: int = attrs.field(factory=usable_cpus, validator=COUNT)
    """Most worker processes; by default one for each core that this process may use."""

    start_at_boot: bool = False
    """Whether all workers start at boot. Otherwise each is started by the first call that finds no
    free one."""

    queue_size: int = attrs.field(default=100, validator=COUNT)
    """Most calls that wait for a worker; one more is a 503."""

    queue_timeout: float = attrs.field(default=5.0, validator=SECONDS)
    """Seconds after which a call that waits is a 503."""
