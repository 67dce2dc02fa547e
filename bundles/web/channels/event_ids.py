"""The ids of events, ordered within one run of the log."""

from secrets import token_hex


class EventIds:
    """Ids such as ``4f1c0a9be2d37756-17``: a random part for the run, then the number of the
    event.

    So an id of an earlier run, or of another log, is recognized.

    Args:
        is_shared: whether other processes may have received events that this process has not.

    Attributes:
        run: the first part of the ids.
        last: the number of the last event.
    """

    def __init__(self, *, is_shared: bool = False) -> None:
        self.run = token_hex(8)
        self.last = 0
        self._is_shared = is_shared

    def text_of(self, sequence: int) -> str:
        return f"{self.run}-{sequence}"

    def sequence_of(self, text: str) -> int | None:
        """Return the number in *text*, which a client has sent; None if it is not an id of this
        run."""
        run, _, number = text.rpartition("-")
        if run != self.run or not (number.isascii() and number.isdigit() and len(number) < 20):
            return None
        sequence = int(number)
        return sequence if sequence <= self.last or self._is_shared else None
