"""The rate limit of one connection."""

from collections.abc import Callable
from time import monotonic

import attrs


@attrs.define(eq=False)
class Rate:
    """Allows *rate* packets per second, and a burst of as many after a pause.

    A client is to be disconnected when it has sent more than *rate* packets above this limit.
    """

    rate: float
    _clock: Callable[[], float] = monotonic
    _interval: float = attrs.field(init=False)
    _due: float = attrs.field(init=False, default=0.0)
    _exceeded: int = attrs.field(init=False, default=0)
    _exceeded_at: float = attrs.field(init=False, default=0.0)

    def __attrs_post_init__(self) -> None:
        self._interval = 1.0 / self.rate

    def allows(self) -> bool:
        """Count a packet, and return whether it is allowed."""
        now = self._clock()
        due, begin = self._due, now - 1.0
        due = (due if due > begin else begin) + self._interval
        if due > now:
            self._count_exceeded(now)
            return False
        self._due = due
        return True

    def delay(self) -> float:
        """Count a packet that may wait, and return the seconds for which it must wait."""
        now = self._clock()
        self._due = max(self._due, now - 1.0) + self._interval
        return max(0.0, self._due - now)

    @property
    def is_abused(self) -> bool:
        """Whether the client has ignored too many errors of this limit."""
        return self._exceeded > self.rate

    def _count_exceeded(self, now: float) -> None:
        """Count a packet above the rate. After a second without such a packet, restart at 0."""
        if now - self._exceeded_at > 1.0:
            self._exceeded = 0
        self._exceeded += 1
        self._exceeded_at = now
