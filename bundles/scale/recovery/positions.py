"""Positions in a log that many processes write."""

import re
from typing import NamedTuple, Self

StreamId = tuple[int, int]
"""The id of an entry of a Redis stream: milliseconds, and a number within them."""

_OFFSET = re.compile(r"([0-9]{1,15})-([0-9]{1,9})\.([0-9a-f]{16})\.([0-9]{1,15})", re.ASCII)


class StreamPosition(NamedTuple):
    """The entries that a process has sent to its clients: all entries of the stream up to
    ``seen``, and its own events up to ``number``.

    A process sends its own events at once, before it knows their ids, and the events of others
    when they arrive, in the order of the stream. So these values describe exactly what it has
    sent.

    Attributes:
        node: the process, in hexadecimal.
        is_own: whether the last event was one of its own.
        keeper: the process that a disconnected client was connected to.
    """

    seen: StreamId
    node: str
    number: int
    is_own: bool = True
    keeper: str = ""

    def __str__(self) -> str:
        milliseconds, number = self.seen
        return f"{milliseconds}-{number}.{self.node}.{self.number}"

    @classmethod
    def read(cls, text: str) -> Self | None:
        """Return the position in *text*, which a client sent; None if it is invalid."""
        found = _OFFSET.fullmatch(text)
        if found is None:
            return None
        milliseconds, within, node, number = found.groups()
        return cls((int(milliseconds), int(within)), node, int(number))

    def has(self, id: StreamId, node: str, number: int) -> bool:
        """Whether the entry *id*, which is the event *number* of *node*, has been sent."""
        return number <= self.number if node == self.node else id <= self.seen

    def is_before(self, other: Self) -> bool:
        return self.seen < other.seen or (self.node == other.node and self.number < other.number)

    def after(self, id: StreamId, node: str, number: int) -> Self:
        """The position after that entry has been sent too."""
        reached = max(self.number, number) if node == self.node else self.number
        return self._replace(seen=max(self.seen, id), number=reached)


def stream_id(text: bytes) -> StreamId:
    """Read an id in the format of Redis.

    Raises:
        ValueError: *text* is not an id.
    """
    milliseconds, _, number = text.partition(b"-")
    return int(milliseconds), int(number)
