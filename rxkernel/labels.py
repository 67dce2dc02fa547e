"""Labels on functions: how decorators leave a note that boot reads.

A decorator that only labels returns the function unchanged, so it stays callable and
testable, and the note survives `@attrs.define`, which builds the class anew.
"""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from rxkernel.exceptions import ConfigurationError

F = TypeVar("F", bound=Callable[..., Any])


def add_label(function: F, kind: str, label: object) -> F:
    """Add *label* to those of its *kind* on *function*, behind the earlier ones."""
    setattr(function, kind, (*labels_on(function, kind), label))
    return function


def refuse_bare(decorator: str, given: object) -> None:
    """Tell who wrote ``@decorator`` without its arguments; the method would vanish in silence.

    Raises:
        ConfigurationError: *given*, the first argument, is the function to decorate.
    """
    if callable(given):
        name = getattr(given, "__qualname__", given)
        raise ConfigurationError(f"@{decorator} on {name} has no arguments; give it its name")


def labels_on(function: object, kind: str) -> tuple[Any, ...]:
    """The labels of one *kind* on *function*, in the order they were added."""
    whole = getattr(function, "__func__", function)
    labels: tuple[Any, ...] = getattr(function, kind, ()) or getattr(whole, kind, ())
    return labels


def labels_in(cls: type, kind: str) -> Iterator[tuple[str, Any]]:
    """Every ``(method name, label)`` that *cls* has or inherits, base classes first.

    The nearest class that labels a method decides. An override without labels keeps the
    inherited ones; an override that is not callable (``show = None``) takes them away.
    """
    for name in dict.fromkeys(name for base in reversed(cls.__mro__) for name in vars(base)):
        if not callable(getattr(cls, name, None)):
            continue
        for base in cls.__mro__:
            if labels := labels_on(vars(base).get(name), kind):
                yield from ((name, label) for label in labels)
                break
