"""`Background`: work that continues after the response."""

import asyncio
import logging
from collections import Counter
from collections.abc import Coroutine
from typing import Any, TypeVar

from injector import inject

from bundles.tasks.settings import TasksSettings
from rxkernel import RxKernelError, ServiceUnavailableException

logger = logging.getLogger(__name__)

T = TypeVar("T")


class Background:
    """Runs coroutines until they end; the shutdown of the application waits for them.

    Attributes:
        counts: ``tasks.max_background``: coroutines that were rejected;
            ``tasks.background_failures``: coroutines that raised.
    """

    @inject
    def __init__(self, settings: TasksSettings) -> None:
        self.counts: Counter[str] = Counter()
        self._limit = settings.max_background
        self._tasks: set[asyncio.Task[Any]] = set()
        self._is_closed = False

    @property
    def running(self) -> int:
        return len(self._tasks)

    def start(
        self, coroutine: Coroutine[Any, Any, T], *, name: str | None = None
    ) -> "asyncio.Task[T]":
        """Start *coroutine* in a copy of the current context, and return its task, which need not
        be awaited. A failure is logged with *name* and, by `RequestIdFilter`, the id of the
        request that has started it.

        Services in `request_scope` are closed at the end of the request: read what the work needs
        from them before.

        Raises:
            ServiceUnavailableException: ``max_background`` coroutines are running.
            RxKernelError: the application has stopped, or this is called in a thread, such as that
                of a plain ``def`` action.
            TypeError: *coroutine* is not a coroutine; a coroutine function must be called first.
        """
        if not asyncio.iscoroutine(coroutine):
            raise TypeError(
                f"Background.start() takes a coroutine, not {coroutine!r}; call the async "
                f"function and pass the result: start(self.work())"
            )
        try:
            self._check()
        except BaseException:
            coroutine.close()
            raise
        task = asyncio.create_task(
            coroutine, name=name or getattr(coroutine, "__qualname__", None)
        )
        self._tasks.add(task)
        task.add_done_callback(self._done)  # called in the context of the request
        return task

    def _check(self) -> None:
        try:
            asyncio.get_running_loop()
        except RuntimeError as exc:
            raise RxKernelError(
                "Background.start() is called in a thread; make the action an async def"
            ) from exc
        if self._is_closed:
            raise RxKernelError(
                "the application has stopped, so Background.start() is not possible any more"
            )
        if len(self._tasks) >= self._limit:
            self.counts["tasks.max_background"] += 1
            raise ServiceUnavailableException(code="background_full")

    async def drain(self, timeout: float) -> None:
        """Wait for all work; cancel what has not ended after *timeout* seconds."""
        try:
            async with asyncio.timeout(timeout):
                while self._tasks:
                    await asyncio.wait(self._tasks)
        except TimeoutError:
            pass
        self._is_closed = True
        for task in self._tasks:
            logger.warning(
                "background work %s is cancelled, since the process is stopping", task.get_name()
            )
            task.cancel()
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _done(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (exc := task.exception()) is not None:
            self.counts["tasks.background_failures"] += 1
            logger.error("background work %s failed", task.get_name(), exc_info=exc)
