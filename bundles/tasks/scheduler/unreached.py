"""Finds scheduled methods and functions that never run, since no part of an application has
them."""

import sys
from collections.abc import Callable, Iterable, Iterator
from inspect import isabstract
from types import FunctionType, ModuleType
from typing import Any
from weakref import WeakSet

from rxkernel import ProcedureMetadata

_SCHEDULED: WeakSet[FunctionType] = WeakSet()
"""The functions with a schedule decorator in this process."""


def remember(function: Callable[..., Any]) -> None:
    """Remember that *function* has a schedule decorator."""
    if isinstance(function, FunctionType):
        _SCHEDULED.add(function)


def unreached(routes: Iterable[ProcedureMetadata]) -> Iterator[str]:
    """Yield a warning for each scheduled method or function that none of *routes* calls.

    Classes that are defined inside of a function are not checked, since the function may define
    many of them. A method of an abstract class, or one that a subclass inherits or overrides,
    needs no route of its own.
    """
    functions = (function for route in routes for function in _functions_of(route))
    called = {function for function in functions if isinstance(function, FunctionType)}
    for function in sorted(_SCHEDULED, key=_position):
        owner = _owner_of(function)
        if function in called or owner is None:
            continue
        place = f"{function.__module__}.{function.__qualname__}"
        if isinstance(owner, ModuleType):
            yield (
                f"the scheduled function {place} never runs; write "
                f"TasksBundle(functions=[{function.__name__}]), or remove the decorator"
            )
        elif not isabstract(owner):
            yield (
                f"the scheduled method {place} never runs, since no service or controller of the "
                f"application has it; bind its class with binder.bind({owner.__name__}, "
                f"scope=singleton), or remove the decorator"
            )


def _functions_of(route: ProcedureMetadata) -> Iterator[Any]:
    """Yield the function that *route* calls, and those that it overrides."""
    target, action = route.target, route.action
    if not isinstance(action, str):
        yield action
    elif isinstance(target, ModuleType):
        yield getattr(target, action)
    else:
        yield from (vars(cls).get(action) for cls in route.owner.__mro__)


def _position(function: FunctionType) -> tuple[str, int]:
    return function.__module__, function.__code__.co_firstlineno


def _owner_of(function: FunctionType) -> Any:
    """Return the module or the class that has *function*; None if it cannot be found."""
    *outer, name = function.__qualname__.split(".")
    owner: Any = sys.modules.get(function.__module__)
    for part in outer:
        owner = getattr(owner, part, None)
    return owner if getattr(owner, "__dict__", {}).get(name) is function else None
