"""The number of objects in a server, for benchmarks that search for leaks."""

import gc
from collections import Counter

_WATCHED = ("rxkernel.servers.", "rxkernel.messages.", "socketio.", "engineio.", "aiohttp.web")


def live_objects() -> dict[str, int]:
    """Return the number of objects of each class of a session, after a garbage collection."""
    gc.collect()
    counts = Counter(f"{type(one).__module__}.{type(one).__name__}" for one in gc.get_objects())
    return {name: number for name, number in counts.items() if name.startswith(_WATCHED)}
