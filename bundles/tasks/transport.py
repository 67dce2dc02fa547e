"""The transport of tasks; each run is a message of it."""

from collections.abc import Callable
from typing import Any, TypeVar

from rxkernel import BundleOption, Transport, procedure

F = TypeVar("F", bound=Callable[..., Any])

TASKS = Transport("TASKS")
"""The transport of tasks: each run of a schedule or of the queue is a message over it."""


def task_procedure(function: F, name: str | None, option: BundleOption, value: object) -> F:
    """Make *function* the procedure *name* of `TASKS`, by default ``Class.method``, with *value*
    as its *option*."""
    if name is None:
        name = function.__qualname__.rpartition("<locals>.")[2]
    return procedure(name, TASKS, options={option: value})(function)
