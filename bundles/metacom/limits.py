"""The limits of one connection."""

from time import monotonic

import attrs


@attrs.define(eq=False)
class Rate:
    """*rate* packets a second, and as many at once after a pause.

    A client that goes on sending above it for as many packets again is to be closed.
    """

    rate: float
    _interval: float = attrs.field(init=False)
    _due: float = attrs.field(init=False, default=0.0)
    _exceeded: int = attrs.field(init=False, default=0)

    def __attrs_post_init__(self) -> None:
        self._interval = 1.0 / self.rate

    def allows(self) -> bool:
        """Count a packet; False if it is one too many."""
        now = monotonic()
        due, begin = self._due, now - 1.0
        due = (due if due > begin else begin) + self._interval
        if due > now:
            self._exceeded += 1
            return False
        self._due, self._exceeded = due, 0
        return True

    @property
    def is_abused(self) -> bool:
        """Whether the client has sent many packets although it got errors for them."""
        return self._exceeded > self.rate
