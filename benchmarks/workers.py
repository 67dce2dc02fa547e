"""The cost of a supervisor that passes connections for each message of a worker."""

from benchmarks.counted import EVENT, EVENT_OF_WORKER, HELLO_FIVE, HELLO_OF_WORKER
from benchmarks.instructions import count
from benchmarks.report import Table

_AIM = 1.05
"""The largest allowed ratio of the instructions of a message in a worker to one process."""


def workers() -> Table:
    """Count the instructions of a message; the load of the machine does not matter. The supervisor
    executes none of them."""
    counts = count("workers").counts
    table = Table(
        "Workers with Socket.IO: instructions for each message",
        {"message": "", "one process": ",d", "worker": ",d", "ratio": ".3f", "aim": ""},
    )
    for one, passed in (EVENT, EVENT_OF_WORKER), (HELLO_FIVE, HELLO_OF_WORKER):
        few, many = counts[one], counts[passed]
        table.add(one, few, many, many / few, f"≤ {_AIM}")
    return table
