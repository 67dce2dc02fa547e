"""Targets of routes: a class, an instance or a module, and the action as a member of it.

For a class, boot uses the instance that the injector creates.
"""

from collections.abc import Callable
from types import ModuleType
from typing import Any, TypeAlias

Action: TypeAlias = str | Callable[..., Any]
"""The name of a member of the target, or a callable."""


def owner_of(target: object) -> type:
    """Return the class of *target*, in which annotations of its actions are resolved."""
    return target if isinstance(target, type) else type(target)


def name_of_target(target: object) -> str:
    """Return the import path: ``package.module`` or ``package.module.Class``."""
    if isinstance(target, ModuleType):
        return target.__name__
    cls = owner_of(target)
    return f"{cls.__module__}.{cls.__qualname__}"


def name_of_action(action: Action) -> str:
    """Return the name of the member or of the callable."""
    return action if isinstance(action, str) else getattr(action, "__name__", repr(action))


def place_of(target: object, action: Action) -> str:
    """Return the place of the action, ``module.Class.method``, for messages."""
    if isinstance(action, str):
        return f"{name_of_target(target)}.{action}"
    name = getattr(action, "__qualname__", None) or repr(action)
    return f"{getattr(action, '__module__', name_of_target(target))}.{name}"


def member_of(target: object, action: Action) -> Any:
    """Return the function of *action*; None if *target* has no such member."""
    return getattr(target, action, None) if isinstance(action, str) else action
