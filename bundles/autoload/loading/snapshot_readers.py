"""The messages that read one snapshot."""

import asyncio
from collections.abc import Callable
from typing import Protocol


class Reader(Protocol):
    """The scope of a message."""

    def move_on(self) -> None:
        """Read the current snapshot from now on, instead of this one."""
        ...


class SnapshotReaders:
    """Holds the scopes of the messages that read a snapshot.

    Attributes:
        begin, end: called with the scope of a message. Until something waits for the end, they are
            methods of a set, so that no Python function is called for each message.
    """

    __slots__ = ("_ended", "_open", "begin", "end")

    begin: Callable[[Reader], None]
    end: Callable[[Reader], None]

    def __init__(self) -> None:
        self._open: set[Reader] = set()
        self._ended: asyncio.Event | None = None
        self.begin = self._open.add
        self.end = self._open.discard

    @property
    def count(self) -> int:
        return len(self._open)

    def _end_and_report(self, reader: Reader) -> None:
        self._open.discard(reader)
        if self._ended is not None and not self._open:
            self._ended.set()

    async def wait_ended(self) -> None:
        """Return when no message reads the snapshot."""
        self._ended = asyncio.Event()
        self.end = self._end_and_report
        while self._open:
            self._ended.clear()
            await self._ended.wait()

    def move_on(self) -> None:
        """Make the messages that read this snapshot read the current one."""
        for reader in tuple(self._open):
            reader.move_on()
