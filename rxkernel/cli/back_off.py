"""When a worker that has ended starts again."""

STEADY = 10.0
"""A worker that has listened for so many seconds was not in a crash loop."""

MAX_FAILURES = 5
"""As many ends in a row, each before `STEADY`, are a crash loop."""

_FIRST_DELAY = 0.5
_MAX_DELAY = 30.0


class BackOff:
    """Counts the ends of a worker that follow one another quickly.

    Attributes:
        failures: how many there are in a row.
    """

    def __init__(self) -> None:
        self.failures = 0

    @property
    def is_loop(self) -> bool:
        return self.failures >= MAX_FAILURES

    def record(self, lived: float) -> float:
        """Record an end *lived* seconds after the worker began to listen, 0 if before; return the
        seconds until the next one may start.

        They are 0 after the first end: a worker that has run for long is replaced at once. Then
        they are 0.5 and twice as many each time, 30 at most.
        """
        if lived >= STEADY:
            self.failures = 0
        self.failures += 1
        if self.failures == 1:
            return 0.0
        return min(_FIRST_DELAY * 2.0 ** min(self.failures - 2, 10), _MAX_DELAY)
