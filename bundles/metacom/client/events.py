"""Calls the handlers of events."""

import asyncio
import inspect
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

logger = logging.getLogger(__name__)

Handler = Callable[[Any], Awaitable[Any] | Any]
"""A function or a coroutine function that is called with the data of an event."""

MAX_WAITING = 1_000


class EventHandlers:
    """The handlers of all events. Each handler receives its events in order, one after another,
    and does not delay other handlers."""

    def __init__(self) -> None:
        self._queues: dict[str, list[_Queue]] = {}

    def add(self, event: str, handler: Handler) -> None:
        self._queues.setdefault(event, []).append(_Queue(event, handler))

    def remove(self, event: str, handler: Handler) -> None:
        """Remove *handler*, and cancel its run. Do nothing if it was not added."""
        queues = self._queues.get(event, [])
        for queue in queues:
            if queue.handler == handler:
                queue.close()
                queues.remove(queue)
                return

    def put(self, event: object, data: Any) -> None:
        """Pass *data* to the handlers of *event*, without waiting for them."""
        if isinstance(event, str):
            for queue in self._queues.get(event, ()):
                queue.put(data)

    def close(self) -> None:
        """Cancel the running handlers, except one that calls this."""
        for queues in self._queues.values():
            for queue in queues:
                queue.close()


class _Queue:
    """The events that wait for one handler. A task calls the handler while there are events."""

    def __init__(self, event: str, handler: Handler) -> None:
        self.handler = handler
        self._event = event
        self._waiting: deque[Any] = deque()
        self._task: asyncio.Task[None] | None = None
        self._is_late = False

    def put(self, data: Any) -> None:
        if len(self._waiting) == MAX_WAITING:
            self._waiting.popleft()
            if not self._is_late:
                self._is_late = True
                logger.warning(
                    "a handler of %r is too slow: %d events are waiting, the oldest are dropped",
                    self._event,
                    MAX_WAITING,
                )
        self._waiting.append(data)
        if self._task is None:
            self._task = asyncio.create_task(self._run())

    def close(self) -> None:
        self._waiting.clear()
        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()

    async def _run(self) -> None:
        try:
            while self._waiting:
                await self._handle(self._waiting.popleft())
        finally:
            self._task = None
            self._is_late = False

    async def _handle(self, data: Any) -> None:
        try:
            result = self.handler(data)
            if inspect.isawaitable(result):
                await result
        except Exception:
            logger.exception("a handler of %r failed", self._event)
