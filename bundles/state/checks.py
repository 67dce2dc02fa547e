"""Checks the arguments of the application, and makes operations of them."""

from typing import Any

from bundles.state.operations import Delete, Increment, Operation, Set
from bundles.state.paths import parts_of
from bundles.state.tree import Tree
from bundles.state.values import Cleaner, check_number

LONGEST_DELAY = 86_400
"""Seconds; a day."""


def set_of(path: str, value: Any, max_size: int) -> Operation:
    """The operation that sets *value*; one that deletes the path for None and for ``{}``.

    Raises:
        TypeError, ValueError, StateFullException: see `Cleaner.clean` and `parts_of`.
    """
    parts = parts_of(path)
    cleaner = Cleaner(path, max_size)
    cleaned = cleaner.clean(value, len(parts))
    return Delete(path, parts) if cleaned is None else Set(path, parts, cleaned, cleaner.size)


def increment_of(path: str, by: float, tree: Tree) -> Increment:
    """The operation that adds *by* to the number at *path* in *tree*.

    Raises:
        TypeError: the value is not a number.
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
        kind = "below a value" if found is None else f"a {type(found).__name__}"
        raise TypeError(f"{path!r} is {kind}; only a number can be incremented, or a new path")
    return operation


def check_delay(delay: float) -> None:
    if type(delay) not in (int, float) or not 0 <= delay <= LONGEST_DELAY:
        raise ValueError(f"a delay is seconds, from 0 to {LONGEST_DELAY}")
