"""`Bulkhead`: limits the running and the waiting calls of an action."""

from collections.abc import Iterator

import attrs

from rxkernel import COUNT, COUNT_OR_0


@attrs.frozen
class Bulkhead:
    """``@action("reports.make", bulkhead=Bulkhead(concurrency=2, queue_size=20))``

    Attributes:
        concurrency: the maximum of calls that run at a time on this node.
        queue_size: the maximum of calls that wait, in the order of their arrival; a further call
            is
            a `QueueIsFullError`. 0: calls never wait.
    """

    concurrency: int = 10
    queue_size: int = 100

    def problems(self) -> Iterator[str]:
        """Yield the errors in the values."""
        if not COUNT.holds(self.concurrency):
            yield f"concurrency of {self!r} must be {COUNT.text}"
        if not COUNT_OR_0.holds(self.queue_size):
            yield f"queue_size of {self!r} must be {COUNT_OR_0.text}"
