"""Finds the action below decorators that do not use `functools.wraps`."""

import inspect
from collections.abc import Callable, Iterator
from functools import partial
from types import FunctionType
from typing import Any


def wrapped_action(function: Callable[..., Any], name: str) -> Callable[..., Any] | None:
    """Return the action *name* that the wrapper *function* calls: a function in its closure,
    possibly in a `partial`, or in the closure of an inner wrapper.

    It is the function with this name or, in a wrapper of a method, the only function that takes
    ``self`` and is not a wrapper itself. None if it is not found, or if *function* is the action.
    """
    code = getattr(function, "__code__", None)  # decorators may change __name__
    if code is not None and code.co_name == name:
        return None
    takes_self = not isinstance(function, FunctionType)
    held = _all_held(function)
    for inner in held:
        if inner.__name__ == name and (not takes_self or _may_take_self(inner)):
            return inner
    methods = [inner for inner in held if takes_self and _first(inner) == "self"]
    actions = [inner for inner in methods if not any(map(methods.__contains__, _held(inner)))]
    return actions[0] if len(actions) == 1 else None


def _all_held(function: Any) -> list[FunctionType]:
    found: dict[FunctionType, None] = {}
    waiting: list[Any] = [function]
    while waiting:
        new = [inner for inner in _held(waiting.pop()) if inner not in found]
        found.update(dict.fromkeys(new))
        waiting += new
    return list(found)


def _held(wrapper: Any) -> Iterator[FunctionType]:
    """Yield the functions in the closure or the arguments of *wrapper*."""
    wrapper = getattr(wrapper, "__func__", wrapper)
    values = [wrapper.func, *wrapper.args] if isinstance(wrapper, partial) else _contents(wrapper)
    for value in values:
        if isinstance(value, FunctionType):
            yield value
        elif isinstance(value, partial):
            yield from _held(value)


def _contents(function: Any) -> list[Any]:
    """Return the values of the closure of *function*."""
    found = []
    for cell in getattr(function, "__closure__", None) or ():
        try:
            found.append(cell.cell_contents)
        except ValueError:  # the cell is empty
            continue
    return found


def _first(function: FunctionType) -> str:
    return next(iter(inspect.signature(function).parameters), "")


def _may_take_self(function: FunctionType) -> bool:
    parameters = inspect.signature(function).parameters.values()
    first = next(iter(parameters), None)
    return first is not None and (first.name == "self" or first.annotation is first.empty)
