"""Writes to websockets at the end of an iteration of the event loop.

All packets for a client in one iteration are sent in one write. A broadcast is written to batches
of clients, so that other tasks run in between.
"""

import asyncio
from collections import deque
from typing import Protocol

_BATCH = 64
"""Clients that are written to in one turn."""


class Flushable(Protocol):
    def flush(self) -> None:
        """Write the waiting packets."""


class FlushScheduler:
    """Flushes each client once, in the order in which they were added."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: deque[Flushable] = deque()

    def add(self, client: Flushable) -> None:
        if not self._waiting:
            self._loop.call_soon(self._flush)
        self._waiting.append(client)

    def _flush(self) -> None:
        try:
            for _ in range(min(_BATCH, len(self._waiting))):
                self._waiting.popleft().flush()
        finally:  # if one client fails, the others still get their packets
            if self._waiting:
                self._loop.call_soon(self._flush)
