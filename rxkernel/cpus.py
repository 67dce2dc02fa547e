"""The CPUs that this process may use."""

import os


def usable_cpus() -> int:
    """Their number: at least 1, and less than the machine has if the process is bound to some."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
