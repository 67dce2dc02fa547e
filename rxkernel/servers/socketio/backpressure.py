"""Backpressure: when the reader of a client waits before it reads the next frame.

A client that sends more than the server handles is not read, so that TCP slows it down. Nothing is
queued without a limit.
"""

import asyncio
from collections.abc import Awaitable, Generator
from contextlib import contextmanager

Pending = Awaitable[None] | None
"""The result of one step of reading: None when the step is done, otherwise what the reader must
await before it reads the next frame.

Each step, from `Session.receive` to `EventQueue.put`, returns the result of the next one. Most
frames are handled at once; with `async def` for each step an acknowledged event takes 4.5 % more
instructions.
"""


class Backpressure:
    """Blocks the reader of one client while an event queue of that client is full.

    ``expected`` is the number of acknowledgements that the server waits for. The client must be
    read meanwhile, so its queues may become longer.
    """

    __slots__ = ("_waiting", "expected")

    def __init__(self) -> None:
        self.expected = 0
        self._waiting: list[asyncio.Future[None]] = []

    def release(self) -> None:
        """Let the reader check again whether there is room."""
        while self._waiting:
            reader = self._waiting.pop()
            if not reader.done():
                reader.set_result(None)

    async def wait(self) -> None:
        """Wait until `release` is called."""
        reader = asyncio.get_running_loop().create_future()
        self._waiting.append(reader)
        await reader

    @contextmanager
    def expecting(self) -> Generator[None, None, None]:
        """Keep reading the client: the server waits for its acknowledgement."""
        self.expected += 1
        self.release()
        try:
            yield
        finally:
            self.expected -= 1
