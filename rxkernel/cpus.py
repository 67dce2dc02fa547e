"""The CPUs that this process may use."""

import os


def usable_cpus() -> int:
    """Their number, at least 1. It is less than that of the machine if the process has a CPU
    affinity."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
