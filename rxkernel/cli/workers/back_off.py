"""Decides when a worker that has ended is restarted."""

STEADY = 10.0
"""Seconds of listening after which a worker is not in a crash loop."""

MAX_FAILURES = 5
"""Number of ends in a row, each before `STEADY`, that are a crash loop."""

_FIRST_DELAY = 0.5
_MAX_DELAY = 30.0


class BackOff:
    """Counts the ends of a worker in quick succession.

    Attributes:
        failures: the number of such ends in a row.
    """

    def __init__(self) -> None:
        self.failures = 0

    @property
    def is_loop(self) -> bool:
        return self.failures >= MAX_FAILURES

    def record(self, lived: float) -> float:
        """Record an end *lived* seconds after the worker began to listen, 0 if before; return the
        seconds until the next one may start.

        The delay is 0 after the first end, so that a worker that has run for long is replaced at
        once. Then it is 0.5, and doubles each time, up to 30.
        """
        if lived >= STEADY:
            self.failures = 0
        self.failures += 1
        if self.failures == 1:
            return 0.0
        return min(_FIRST_DELAY * 2.0 ** min(self.failures - 2, 10), _MAX_DELAY)
