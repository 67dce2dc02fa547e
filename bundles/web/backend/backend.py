"""``application.backend``, as files use it."""

from collections.abc import Awaitable, Callable
from typing import Any

from bundles.autoload import application, register
from bundles.web.backend.backend_events import BackendEvents
from bundles.web.backend.backend_handler import BackendHandler


class Backend:
    """``application.backend`` of files."""

    __slots__ = ()

    def on(self, event: str, function: Callable[..., Awaitable[Any]]) -> None:
        """Register *function* for *event*: ``async def handler(data)``, with further parameters
        for services. To be called while a file is executed, or in its start hook; a reload of the
        file replaces the handler.

        Raises:
            ConfigurationError: every problem, with the place of the function.
            RxKernelError: it is not called while a file is executed or started.
        """
        register(BackendHandler(event, function), caller="application.backend.on()")

    async def emit(self, event: str, data: Any = None) -> bool:
        """See `BackendEvents.emit`."""
        return await application.injector.get(BackendEvents).emit(event, data)
