"""Tasks that handle received messages."""

import asyncio
import contextvars
import logging
from collections.abc import Coroutine
from functools import partial
from typing import Any

from bundles.scale.bus.load import Load

logger = logging.getLogger(__name__)


class Jobs:
    """Runs each coroutine in a task with its own context, and logs its exception."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._load = Load()

    def start(self, what: str, work: Coroutine[Any, Any, object], size: int) -> bool:
        """Run *work*; return False if too many run.

        Args:
            what: for logs.
            size: bytes of the message.
        """
        if not self._load.add(size):
            work.close()
            return False
        task = contextvars.Context().run(asyncio.create_task, _run(what, work))
        self._tasks.add(task)
        task.add_done_callback(partial(self._done, size))
        return True

    def _done(self, size: int, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._load.remove(size)

    async def drain(self) -> None:
        """Return when all have ended."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def cancel(self) -> None:
        for task in self._tasks:
            task.cancel()
        await self.drain()


async def _run(what: str, work: Coroutine[Any, Any, object]) -> None:
    try:
        await work
    except Exception:
        logger.exception("handling %s failed", what)
