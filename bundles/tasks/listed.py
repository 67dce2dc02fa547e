"""Checks an argument that is a list of classes or functions."""

from collections.abc import Sequence


def list_problem(name: str, given: object, example: str) -> str | None:
    """Return the error of the argument *name*; None if *given* is a list or a tuple.

    Args:
        example: an item, for the error.
    """
    if isinstance(given, Sequence) and not isinstance(given, str | bytes):
        return None
    shown = f"the class {given.__name__}" if isinstance(given, type) else f"{given!r:.100}"
    item = getattr(given, "__name__", example)
    return f"{name} is {shown}; write a list: {name.partition(' ')[0]}=[{item}]"
