"""`Queue`: how many calls run at a time, and how many may wait."""

from typing import Any

import attrs

from bundles.contracts.checks import is_number, is_whole
from rxkernel import ConfigurationError


@attrs.frozen(eq=False)
class Queue:
    """At most *concurrency* calls run at a time; at most *size* wait, each for *timeout* seconds.

    Waiting calls start in the order of their arrival. Definitions with the same object share its
    slots: those of `@both`, and those of a class with ``@contract(queue=…)``.

    Raises:
        ConfigurationError: a number is not greater than 0.
    """

    concurrency: int
    size: int = 100
    timeout: float = 5.0

    def __attrs_post_init__(self) -> None:
        if problems := [*_problems(self)]:
            raise ConfigurationError(*problems)


def _problems(queue: Queue) -> list[str]:
    counts: dict[str, Any] = {"concurrency": queue.concurrency, "size": queue.size}
    problems = [
        f"{name} of {queue!r} is {value!r}; it must be a whole number greater than 0"
        for name, value in counts.items()
        if not (is_whole(value) and value > 0)
    ]
    if not (is_number(queue.timeout) and queue.timeout > 0):
        problems.append(
            f"timeout of {queue!r} is {queue.timeout!r}; it must be seconds greater than 0"
        )
    return problems
