"""Checks of the values of a contract."""

from math import isfinite
from typing import TypeGuard


def is_whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: object) -> TypeGuard[float]:
    """Whether *value* is a finite number; True and False are not."""
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
