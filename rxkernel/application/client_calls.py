"""The calls of a test client that are in progress."""

import asyncio
from collections.abc import Coroutine
from contextvars import Context, copy_context
from typing import Any, TypeVar

from rxkernel.application.application import Application, current_application
from rxkernel.kernel.contexts import start

__tracebackhide__ = True  # pytest shows the line of the test instead

T = TypeVar("T")


class ClientCalls:
    """Runs each message, and each event of a connection, in its own task and context, so that
    context variables that it sets are not visible in the test or in other messages."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._running: set[asyncio.Task[Any]] = set()

    async def run(self, work: Coroutine[Any, Any, T], context: Context | None = None) -> T:
        """Await *work*, in which a `KernelClient` runs code of the application.

        Without *context* it runs in a copy of the current context, in which `current_application`
        is set.
        """
        return await self.start(work, context)

    def start(
        self, work: Coroutine[Any, Any, T], context: Context | None = None
    ) -> "asyncio.Task[T]":
        """As `run`, without waiting for its end."""
        if context is None:
            context = copy_context()
            context.run(current_application.set, self._application)
        task = start(work, context)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    async def drain(self, timeout: float) -> None:
        """Wait for running calls; after *timeout* seconds cancel the rest."""
        try:
            async with asyncio.timeout(timeout):
                while self._running:
                    await asyncio.wait(self._running)
        except TimeoutError:
            late = tuple(self._running)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
