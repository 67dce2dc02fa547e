"""Finds the action below decorators that do not use `functools.wraps`."""

from collections.abc import Callable
from types import FunctionType
from typing import Any


def wrapped_action(function: Callable[..., Any], name: str) -> Callable[..., Any] | None:
    """Return the function called *name* that *function* holds in its closure, or in that of a
    further wrapper; None if it is not found."""
    seen = set()
    waiting = [getattr(function, "__func__", function)]
    while waiting:
        wrapper = waiting.pop()
        for cell in getattr(wrapper, "__closure__", None) or ():
            try:
                inner = cell.cell_contents
            except ValueError:  # the cell is empty
                continue
            if not isinstance(inner, FunctionType) or inner in seen:
                continue
            if inner.__name__ == name:
                return inner
            seen.add(inner)
            waiting.append(inner)
    return None
