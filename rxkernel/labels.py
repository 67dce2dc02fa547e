"""Labels that decorators put on functions and classes, and that boot reads.

A decorator that only labels returns what it decorates unchanged, so it stays callable and
testable, and the label survives `@attrs.define`, which creates a new class.
"""

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any, TypeVar

from rxkernel.exceptions import ConfigurationError

F = TypeVar("F", bound=Callable[..., Any])


def add_label(labelled: F, kind: str, label: object) -> F:
    """Append *label* to the labels of its *kind* on *labelled*.

    *labelled* is a function or a class; the labels that a class inherits stay with its bases.
    """
    is_class = isinstance(labelled, type)
    earlier = class_labels(labelled, kind) if is_class else labels_on(labelled, kind)
    setattr(labelled, kind, (*earlier, label))
    return labelled


def refuse_bare(decorator: str, given: object, hint: str = "pass a name") -> None:
    """Reject ``@decorator`` without arguments: it would replace the function or class below it.

    Raises:
        ConfigurationError: *given*, the first argument, is the function or class to decorate.
    """
    if callable(given):
        raise ConfigurationError(f"@{decorator} on {_name(given)} has no arguments; {hint}")


def refuse_class(decorator: str, labelled: object) -> None:
    """Reject ``@decorator(…)`` on a class, where it has no effect.

    Raises:
        ConfigurationError: *labelled* is a class.
    """
    if isinstance(labelled, type):
        raise ConfigurationError(
            f"@{decorator} is on the class {_name(labelled)}; it must be on a method of it"
        )


def refuse_function(decorator: str, labelled: object, hint: str) -> None:
    """Reject ``@decorator(…)`` on anything but a class, where it has no effect.

    Raises:
        ConfigurationError: *labelled* is not a class.
    """
    if not isinstance(labelled, type):
        raise ConfigurationError(
            f"@{decorator} is on {_name(labelled)}, which is not a class; {hint}"
        )


def _name(labelled: object) -> str:
    return getattr(labelled, "__qualname__", None) or repr(labelled)


def labels_on(function: object, kind: str) -> tuple[Any, ...]:
    """The labels of one *kind* on *function*, in the order they were added."""
    whole = getattr(function, "__func__", function)
    labels: tuple[Any, ...] = getattr(function, kind, ()) or getattr(whole, kind, ())
    return labels


def class_labels(cls: Any, kind: str) -> tuple[Any, ...]:
    """The labels of one *kind* on *cls* itself, without those of its bases."""
    labels: tuple[Any, ...] = vars(cls).get(kind, ())
    return labels


def labels_in(owner: type | ModuleType, kind: str) -> Iterator[tuple[str, Any]]:
    """Every ``(function name, label)`` of a class or a module.

    For a class, inherited methods are included, those of base classes first. If several classes
    label a method, the labels of the most derived one are used. An override without labels keeps
    the inherited labels; an override that is not callable (``show = None``) removes them. For a
    module, only the functions defined in it are included.
    """
    if isinstance(owner, ModuleType):
        yield from _labels_in_module(owner, kind)
        return
    bases = owner.__mro__[:-1]  # `object` has many methods and no label
    for name in dict.fromkeys(name for base in reversed(bases) for name in vars(base)):
        member = getattr(owner, name, None)
        if not callable(member) or isinstance(member, type):
            continue
        for base in bases:
            if labels := labels_on(vars(base).get(name), kind):
                yield from ((name, label) for label in labels)
                break


def labels_along(owner: type | ModuleType, name: str, kind: str) -> list[Any]:
    """The labels of one *kind* on every version of the method *name*, base classes first.

    For a module, the labels on its function. Unlike in `labels_in`, an override hides no label.
    """
    if isinstance(owner, ModuleType):
        return list(labels_on(getattr(owner, name, None), kind))
    versions = (vars(base)[name] for base in reversed(owner.__mro__) if name in vars(base))
    return [label for version in versions for label in labels_on(version, kind)]


def _labels_in_module(module: ModuleType, kind: str) -> Iterator[tuple[str, Any]]:
    for name, function in tuple(vars(module).items()):
        if getattr(function, "__module__", None) == module.__name__ and not isinstance(
            function, type
        ):
            yield from ((name, label) for label in labels_on(function, kind))
