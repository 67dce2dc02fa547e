"""The time by which sessions expire."""

from time import time


class Clock:
    """The clock of the system, in seconds since the epoch: processes that share a store compare
    times. A test binds another one."""

    now = staticmethod(time)
