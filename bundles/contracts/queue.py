"""`Queue`: limits the calls that run at a time, and the calls that wait."""

from collections.abc import Iterator

import attrs

from bundles.contracts.checks import is_number, is_whole


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
        counts: dict[str, object] = {"concurrency": self.concurrency, "size": self.size}
        for name, value in counts.items():
            if not (is_whole(value) and value > 0):
                yield f"{name} of {self!r} must be a whole number greater than 0"
        if not (is_number(self.timeout) and self.timeout > 0):
            yield f"timeout of {self!r} must be seconds greater than 0"
