"""The time by which pages expire."""

from time import monotonic


class Clock:
    """The monotonic clock, in seconds. A test binds another one."""

    now = staticmethod(monotonic)
