"""The ids of events: ordered within a run of the process, unknown before it."""

from secrets import token_hex


class EventIds:
    """Ids such as ``4f1c0a9be2d37756-17``: random for the process, then the number of the event.

    So an id of an earlier run, or of another process, is recognized and not mistaken for one of
    this run.

    Attributes:
        last: the number of the last event.
    """

    def __init__(self) -> None:
        self.last = 0
        self._run = token_hex(8)

    def text_of(self, sequence: int) -> str:
        return f"{self._run}-{sequence}"

    def sequence_of(self, text: str) -> int | None:
        """Return the number in *text*, which a client has sent; None if it is not an id of this
        run."""
        run, _, number = text.rpartition("-")
        if run != self._run or not (number.isascii() and number.isdigit() and len(number) < 20):
            return None
        sequence = int(number)
        return sequence if sequence <= self.last else None
