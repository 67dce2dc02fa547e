"""The settings that a benchmark passes to its servers, and the work of each listener.

Every server has the same routes: ``GET /hello``, ``GET /items/{id}?q=&limit=``, ``POST /items``,
and ``GET /seen``, by which the benchmark makes sure that the listeners run.
"""

import os

from benchmarks.http.servers.changes import Change

PORT = int(os.environ.get("BENCH_PORT", "8000"))
REQUEST_LISTENERS = int(os.environ.get("BENCH_REQUEST_LISTENERS", "0"))
RESPONSE_LISTENERS = int(os.environ.get("BENCH_RESPONSE_LISTENERS", "0"))
CHANGE: Change | None = None
"""If it is set, one request listener reads a request header, and one response listener
changes the response."""

ACCESS_LOG = os.environ.get("BENCH_ACCESS_LOG") == "1"

HELLO = {"hello": "world"}

statuses: dict[int, int] = {}
"""The number of responses by status, counted once by each response listener."""


def count(status: int) -> None:
    statuses[status] = statuses.get(status, 0) + 1


def seen(marks: int) -> dict[str, int]:
    """The response of ``/seen``; *marks* is the number of request listeners that marked it."""
    return {"seen": marks, "counted": sum(statuses.values())}
