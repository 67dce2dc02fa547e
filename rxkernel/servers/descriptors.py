"""File descriptors: each connection takes one, and a process may have so many."""

from contextlib import suppress

try:
    import resource
except ImportError:  # not a POSIX system
    resource = None  # type: ignore[assignment]

_LEAST_RESERVE = 150


def room_for(connections: int) -> int:
    """For how many of *connections* there are descriptors, and some in reserve: a quarter of
    all, 150 at least, for files, databases and those who are told that there is no room.

    Raises the soft limit of the process as far as that needs, and the hard one allows.
    """
    if resource is None:
        return connections
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + connections // 2 + _LEAST_RESERVE
    if soft != resource.RLIM_INFINITY and soft < wanted:
        raised = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        with suppress(ValueError, OSError):  # macOS has a limit beside the hard one
            resource.setrlimit(resource.RLIMIT_NOFILE, (raised, hard))
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return connections
    return min(connections, max(1, soft - max(_LEAST_RESERVE, soft // 4)))
