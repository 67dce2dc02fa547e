"""How many messages read one snapshot."""

import asyncio


class Uses:
    """Counts the messages that read a snapshot."""

    __slots__ = ("_ended", "count")

    def __init__(self) -> None:
        self.count = 0
        self._ended = asyncio.Event()

    def begin(self) -> None:
        self.count += 1

    def end(self) -> None:
        self.count -= 1
        if not self.count:
            self._ended.set()

    async def wait_ended(self) -> None:
        """Return when no message reads the snapshot."""
        while self.count:
            self._ended.clear()
            await self._ended.wait()
