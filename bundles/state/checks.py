"""Checks the arguments of the application, and makes operations of them."""

import inspect
from collections.abc import Awaitable, Callable
from typing import Any

from bundles.state.operations import Delete, Increment, Operation, Set
from bundles.state.paths import Parts, parts_of, path_of
from bundles.state.tree import Tree
from bundles.state.values import Cleaner, check_number

LONGEST_DELAY = 86_400
"""Seconds; a day."""


def set_of(path: str, value: Any, max_size: int, tree: Tree) -> Operation:
    """The operation that sets *value*; one that deletes the path for None and for ``{}``.

    Raises:
        TypeError: a path above has a value in *tree*.
        TypeError, ValueError, StateFullException: see `Cleaner.clean` and `parts_of`.
    """
    parts = parts_of(path)
    cleaner = Cleaner(path, max_size)
    cleaned = cleaner.clean(value, len(parts))
    if cleaned is None:
        return Delete(path, parts)
    _check_above(path, parts, tree)
    return Set(path, parts, cleaned, cleaner.size)


def increment_of(path: str, by: float, tree: Tree) -> Increment:
    """The operation that adds *by* to the number at *path* in *tree*.

    Raises:
        TypeError: the value is not a number, or a path above has one.
        OverflowError: the sum has more than 64 bits, or is not finite.
        ValueError: see `check_number` and `parts_of`.
    """
    parts = parts_of(path)
    operation = Increment(path, parts, check_number(by, path))
    if not operation.is_applicable(tree):
        found = tree.find(parts)
        if type(found) in (int, float):
            raise OverflowError(
                f"{path!r} is {found!r}, and adding {by!r} gives an integer of more than 64 bits, "
                f"or a float that is not finite"
            )
        _check_above(path, parts, tree)
        raise TypeError(
            f"{path!r} is a value of type {type(found).__name__}; only a number can be "
            f"incremented, or a new path"
        )
    return operation


def _check_above(path: str, parts: Parts, tree: Tree) -> None:
    above = tree.leaf_above(parts)
    if above is not None:
        name = path_of(above)
        raise TypeError(
            f"{name!r} is a value of type {type(tree.find(above)).__name__}, so nothing can be "
            f"below it; to set {path!r}, delete {name!r} first"
        )


def check_delay(delay: float) -> None:
    if type(delay) not in (int, float) or not 0 <= delay <= LONGEST_DELAY:
        raise ValueError(f"a delay is seconds, from 0 to {LONGEST_DELAY}")


def check_listener(listener: Any) -> None:
    """
    Raises:
        TypeError: *listener* cannot be called with a path, a value and a bool.
    """
    expected = "a listener is a function that is called as listener(path, value, is_remote)"
    if not callable(listener):
        raise TypeError(f"{expected}, not {type(listener).__name__}")
    try:
        signature = inspect.signature(listener)
    except ValueError:  # implemented in C, so its parameters are unknown
        return
    try:
        signature.bind("", None, False)
    except TypeError as exc:
        raise TypeError(f"{expected}; {_name_of(listener)} takes other arguments: {exc}") from exc


def check_watched(path: str) -> None:
    """
    Raises:
        ValueError: *path* has a part that other systems use as a pattern.
        TypeError, ValueError: see `parts_of`.
    """
    if not {"*", "**"}.isdisjoint(parts_of(path)):
        raise ValueError(
            f"{path!r} is not a path that can be watched, since there are no patterns; to watch "
            f"all values below a path, write watch('shop', listener)"
        )


def run_of(function: Any, transaction: Any) -> Awaitable[Any]:
    """What *function* returns for *transaction*.

    Raises:
        TypeError: *function* cannot be called, or is not async.
    """
    if not callable(function):
        raise TypeError(
            f"transact takes an async function, not a {type(function).__name__}; pass the "
            f"function itself, without calling it"
        )
    result = function(transaction)
    if not inspect.isawaitable(result):
        raise TypeError(
            f"transact takes an async function, but {_name_of(function)} returned "
            f"{type(result).__name__}; declare it with async def"
        )
    return result


def _name_of(function: Callable[..., Any]) -> str:
    return getattr(function, "__qualname__", None) or repr(function)
