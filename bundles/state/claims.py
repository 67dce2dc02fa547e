"""Which process may try its transactions next, where those of several conflict."""

from collections.abc import Callable


class Claims:
    """The processes that wait for their turn, in the order of the log. It says only when a
    transaction had better begin: what is carried out does not depend on it.

    Attributes:
        changed: is called when another process is the first one, or none.
    """

    def __init__(self) -> None:
        self.changed: Callable[[], None] = _nothing
        self._processes: dict[str, None] = {}

    @property
    def first(self) -> str | None:
        return next(iter(self._processes), None)

    def note(self, process: str, is_claimed: bool) -> None:
        """*process* waits, at the place that it has already, if any; or it does not any more."""
        before = self.first
        if is_claimed:
            self._processes.setdefault(process)
        else:
            self._processes.pop(process, None)
        if self.first != before:
            self.changed()

    def clear(self) -> None:
        self._processes.clear()
        self.changed()


def _nothing() -> None:
    pass
