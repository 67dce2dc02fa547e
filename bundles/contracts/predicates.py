"""Predicates for the values of a contract."""

import inspect
from collections.abc import Callable
from math import isfinite
from typing import Any, TypeGuard


def is_whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: object) -> TypeGuard[float]:
    """Whether *value* is a finite number; True and False are not."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    try:
        return isfinite(value)
    except OverflowError:  # an int that is larger than all floats
        return False


def takes_one(function: Callable[..., Any]) -> bool:
    """Whether *function* can be called with one argument; True if its signature is unknown."""
    try:
        inspect.signature(function).bind(None)
    except TypeError:
        return False
    except ValueError:  # a builtin without a signature
        return True
    return True
