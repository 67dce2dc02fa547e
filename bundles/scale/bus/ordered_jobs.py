"""A task that handles received messages in their order."""

import asyncio
import contextvars
import logging
from collections import deque
from collections.abc import Coroutine
from typing import Any

from bundles.scale.bus.load import Load

logger = logging.getLogger(__name__)

Work = Coroutine[Any, Any, object]


class OrderedJobs:
    """Runs coroutines one after the other, in one task, and logs their exceptions."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[str, Work, int]] = deque()
        self._load = Load()
        self._running: asyncio.Task[None] | None = None

    def start(self, what: str, work: Work, size: int) -> bool:
        """Run *work* after the others; return False if too many wait.

        Args:
            what: for logs.
            size: bytes of the message.
        """
        if not self._load.add(size):
            work.close()
            return False
        self._waiting.append((what, work, size))
        if self._running is None:
            self._running = contextvars.Context().run(asyncio.create_task, self._run())
        return True

    @property
    def is_idle(self) -> bool:
        return self._running is None

    async def drain(self) -> None:
        """Return when all have ended."""
        if self._running is not None:
            await asyncio.wait({self._running})

    async def _run(self) -> None:
        try:
            while self._waiting:
                what, work, size = self._waiting.popleft()
                try:
                    await work
                except Exception:  # the next one must still run
                    logger.exception("handling %s failed", what)
                finally:
                    self._load.remove(size)
        finally:
            self._running = None
