"""The messages that read one snapshot."""

import asyncio
from collections.abc import Callable
from typing import Protocol


class Use(Protocol):
    """The scope of a message."""

    def move_on(self) -> None:
        """End this use: read the current snapshot from now on."""
        ...


class Uses:
    """Holds the scopes of the messages that read a snapshot.

    Attributes:
        begin, end: called with the scope of a message. Until something waits for the end, they are
            methods of a set, so that no Python function is called for each message.
    """

    __slots__ = ("_ended", "_open", "begin", "end")

    begin: Callable[[Use], None]
    end: Callable[[Use], None]

    def __init__(self) -> None:
        self._open: set[Use] = set()
        self._ended: asyncio.Event | None = None
        self.begin = self._open.add
        self.end = self._open.discard

    @property
    def count(self) -> int:
        return len(self._open)

    def _end_and_report(self, use: Use) -> None:
        self._open.discard(use)
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
        for use in tuple(self._open):
            use.move_on()
