"""`Queue`: limits the calls that run at a time, and the calls that wait."""

from collections.abc import Iterator

import attrs

from rxkernel import COUNT, SECONDS


@attrs.frozen(eq=False)
class Queue:
    """At most *concurrency* calls run at a time; at most *size* wait, each for *timeout* seconds.

    Waiting calls start in the order of their arrival. Definitions with the same object share its
    slots: those of `@both`, and those of a class with ``@contract(queue=…)``. Boot rejects numbers
    that are not greater than 0.
    """

    concurrency: int
    size: int = 100
    timeout: float = 5.0

    def problems(self) -> Iterator[str]:
        """Yield an error for each invalid number."""
        for name, rule in (("concurrency", COUNT), ("size", COUNT), ("timeout", SECONDS)):
            if not rule.holds(getattr(self, name)):
                yield f"{name} of {self!r} must be {rule.text}"
