"""The messages that wait to be handled, with a limit."""

MOST = 10_000
MOST_BYTES = 16_777_216


class Load:
    """At most `MOST` messages with `MOST_BYTES` together. A larger message is accepted if it is
    the only one."""

    def __init__(self) -> None:
        self._number = 0
        self._size = 0

    def add(self, size: int) -> bool:
        """Add a message of *size* bytes; return False if that exceeds a limit."""
        if self._number >= MOST or (self._number and self._size + size > MOST_BYTES):
            return False
        self._number += 1
        self._size += size
        return True

    def remove(self, size: int) -> None:
        self._number -= 1
        self._size -= size
