"""Backpressure: makes the reader of a client wait before it reads the next frame.

If a client sends more than the server handles, reading from it is paused, so that TCP slows it
down. No queue is without a limit.
"""

import asyncio
from collections.abc import Awaitable, Generator
from contextlib import contextmanager

Pending = Awaitable[None] | None
"""The result of one step of reading: None when the step is done, otherwise an awaitable that the
reader must await before it reads the next frame.

Each step, from `Session.receive` to `EventQueue.put`, returns the result of the next one. Most
frames are handled at once; with `async def` for each step an acknowledged event takes 4.5 % more
instructions.
"""


class Backpressure:
    """Blocks the reader of one client while an event queue of that client is full.

    ``expected`` is the number of acknowledgements that the server waits for. Meanwhile reading
    must continue, so the client's queues may become longer.
    """

    __slots__ = ("_waiting", "expected")

    def __init__(self) -> None:
        self.expected = 0
        self._waiting: list[asyncio.Future[None]] = []

    def release(self) -> None:
        """Make the reader check again whether the queues have room."""
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
        """Continue reading in this block, because the server waits for an acknowledgement."""
        self.expected += 1
        self.release()
        try:
            yield
        finally:
            self.expected -= 1
