"""What is alive in a server, for the benchmarks that look for leaks."""

import gc
from collections import Counter

_WATCHED = ("rxkernel.servers.", "rxkernel.messages.", "socketio.", "engineio.", "aiohttp.web")


def live_objects() -> dict[str, int]:
    """How many objects there are of each class that a session is made of, after a collection."""
    gc.collect()
    counts = Counter(f"{type(one).__module__}.{type(one).__name__}" for one in gc.get_objects())
    return {name: number for name, number in counts.items() if name.startswith(_WATCHED)}
