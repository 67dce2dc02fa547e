"""Checks of the values of a contract."""

from math import isfinite


def is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: object) -> bool:
    """Whether *value* is a finite number; True and False are not."""
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
