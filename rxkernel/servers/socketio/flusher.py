"""When what waits for websockets is written: at the end of a turn of the event loop.

So what one client is sent in a turn goes out in one write. After a broadcast the clients are
written to in slices, which hold nobody up for long.
"""

import asyncio
from collections import deque
from typing import Protocol

_SLICE = 64
"""Clients that are written to in one turn."""


class Writable(Protocol):
    def flush(self) -> None:
        """Write what waits."""


class Flusher:
    """Flushes each client once, in the order they were added."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: deque[Writable] = deque()

    def add(self, client: Writable) -> None:
        if not self._waiting:
            self._loop.call_soon(self._flush)
        self._waiting.append(client)

    def _flush(self) -> None:
        try:
            for _ in range(min(_SLICE, len(self._waiting))):
                self._waiting.popleft().flush()
        finally:  # one that fails keeps nobody else waiting
            if self._waiting:
                self._loop.call_soon(self._flush)
