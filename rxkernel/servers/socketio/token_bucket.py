"""A rate limit."""


class TokenBucket:
    """Provides *rate* tokens per second, and up to as many at once after a pause; at least one."""

    __slots__ = ("_burst", "_due", "_interval")

    def __init__(self, rate: float) -> None:
        self._interval = 1 / rate
        self._burst = max(1.0, self._interval)
        self._due = 0.0

    def take(self, now: float) -> float:
        """Take a token and return the seconds until it is valid; 0 or less means now."""
        self._due = max(self._due, now) + self._interval
        return self._due - now - self._burst
