"""Tasks that handle received messages."""

import asyncio
import contextvars
import logging
from collections.abc import Coroutine
from typing import Any

logger = logging.getLogger(__name__)

_MOST = 10_000


class Jobs:
    """Runs each coroutine in a task with a context of its own; logs what it raises."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, what: str, work: Coroutine[Any, Any, None]) -> bool:
        """Run *work*; return False if too many run.

        Args:
            what: for logs.
        """
        if len(self._tasks) >= _MOST:
            work.close()
            return False
        task = contextvars.Context().run(asyncio.create_task, _run(what, work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return True

    async def drain(self) -> None:
        """Return when none runs."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def cancel(self) -> None:
        for task in self._tasks:
            task.cancel()
        await self.drain()


async def _run(what: str, work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except Exception:
        logger.exception("handling %s failed", what)
