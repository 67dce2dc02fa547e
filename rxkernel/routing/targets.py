"""What a route leads to: a method of a class or an instance, a function of a module, a callable.

A class stands for the instance that the injector builds of it at boot.
"""

from collections.abc import Callable
from types import ModuleType
from typing import Any, TypeAlias

Action: TypeAlias = str | Callable[..., Any]
"""The name of a member of the target, or a callable that is called as it is."""


def owner_of(target: object) -> type:
    """The class in which the annotations of the action are read."""
    return target if isinstance(target, type) else type(target)


def name_of_target(target: object) -> str:
    """What the code calls *target*: ``package.module`` or ``package.module.Class``."""
    if isinstance(target, ModuleType):
        return target.__name__
    cls = owner_of(target)
    return f"{cls.__module__}.{cls.__qualname__}"


def name_of_action(action: Action) -> str:
    """The name of the member, or that of the callable."""
    return action if isinstance(action, str) else getattr(action, "__name__", repr(action))


def place_of(target: object, action: Action) -> str:
    """Where the action is written."""
    if isinstance(action, str):
        return f"{name_of_target(target)}.{action}"
    name = getattr(action, "__qualname__", None) or repr(action)
    return f"{getattr(action, '__module__', name_of_target(target))}.{name}"


def member_of(target: object, action: Action) -> Any:
    """The function that the action names; None where *target* has no such member."""
    return getattr(target, action, None) if isinstance(action, str) else action
