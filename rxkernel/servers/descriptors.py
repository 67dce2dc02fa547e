"""File descriptors: each connection needs one, and the system limits their number per process."""

from contextlib import suppress

try:
    import resource
except ImportError:  # not a POSIX system
    resource = None  # type: ignore[assignment]

_LEAST_RESERVE = 150


def room_for(connections: int) -> int:
    """Return the number of connections, at most *connections*, that the process can have open.

    A quarter of all descriptors, but at least 150, is reserved for files, databases and clients
    that are rejected. The soft limit of the process is raised if necessary, up to the hard limit.
    """
    if resource is None:
        return connections
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + connections // 2 + _LEAST_RESERVE
    if soft != resource.RLIM_INFINITY and soft < wanted:
        raised = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        with suppress(ValueError, OSError):  # macOS has another limit below the hard one
            resource.setrlimit(resource.RLIMIT_NOFILE, (raised, hard))
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return connections
    return min(connections, max(1, soft - max(_LEAST_RESERVE, soft // 4)))
