"""The cost of several applications on one port for each request."""

from benchmarks.counted import HELLO_FIVE, TEN_APPLICATIONS
from benchmarks.instructions import count
from benchmarks.report import Table

_AIM = 1.05
"""The largest allowed ratio of the instructions of a request with ten applications to one."""


def hosts() -> Table:
    """Count the instructions of a request; the load of the machine does not matter."""
    counts = count("hosts").counts
    one, ten = counts[HELLO_FIVE], counts[TEN_APPLICATIONS]
    table = Table(
        "Applications on one port: instructions for each request",
        {"one application": ",d", "ten applications": ",d", "ratio": ".3f", "aim": ""},
    )
    table.add(one, ten, ten / one, f"≤ {_AIM}")
    return table
