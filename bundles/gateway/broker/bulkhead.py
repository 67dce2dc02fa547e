"""`Bulkhead`: how many calls of an action run at a time, and how many wait."""

from collections.abc import Iterator

import attrs

from rxkernel import COUNT, COUNT_OR_0


@attrs.frozen
class Bulkhead:
    """``@action("reports.make", bulkhead=Bulkhead(concurrency=2, queue_size=20))``

    Attributes:
        concurrency: how many calls run at a time on this node.
        queue_size: how many others wait, in the order of their arrival; the next one is a
            `QueueIsFullError`. 0: none waits.
    """

    concurrency: int = 10
    queue_size: int = 100

    def problems(self) -> Iterator[str]:
        """Yield what is wrong with the values."""
        if not COUNT.holds(self.concurrency):
            yield f"concurrency of {self!r} must be {COUNT.text}"
        if not COUNT_OR_0.holds(self.queue_size):
            yield f"queue_size of {self!r} must be {COUNT_OR_0.text}"
