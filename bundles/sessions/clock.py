"""The time by which sessions expire."""

import time


class Clock:
    """The clock of the system; a test binds another one."""

    def now(self) -> float:
        """Seconds since the epoch: processes that share a store compare them."""
        return time.time()
