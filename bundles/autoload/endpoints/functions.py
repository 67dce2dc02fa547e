"""Functions in files: whether they are async, and their lines."""

import inspect
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FunctionType, MethodType
from typing import Any


def kind_of(value: Any) -> str:
    """Return the kind of *value*, for errors about a function that is not async."""
    if inspect.isclass(value):
        return "a class"
    return "a def" if inspect.isroutine(value) else f"of the type {type(value).__name__}"


def is_async(function: Any) -> bool:
    """Whether *function* is an async function, or an object with an async ``__call__``."""
    if inspect.isclass(function):
        return False
    if isinstance(function, FunctionType | MethodType | partial):
        return inspect.iscoroutinefunction(function)
    return callable(function) and inspect.iscoroutinefunction(type(function).__call__)


def line_in_file(function: Callable[..., Any], path: Path) -> int | None:
    """Return the line of *function*, if it is in the file *path*."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    if code is None or code.co_filename != str(path):
        return None
    line: int = code.co_firstlineno
    return line
