"""The clock for entries in memory."""

from time import monotonic


class Clock:
    """The monotonic clock, in seconds. A test binds a replacement."""

    now = staticmethod(monotonic)
