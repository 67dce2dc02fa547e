"""The running handler of a stage, for ``client.inherited()``, even in tasks of the handler."""

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any

from bundles.web.directories.handler_chain import Stage

_RUNNING: ContextVar[tuple[object, Stage, int] | None] = ContextVar("web_handler", default=None)
"""The client, the handlers of the stage, and the index of the one that runs."""


async def run_handler(
    call: Callable[[Any], Awaitable[Any]], client: Any, stage: Stage, level: int
) -> Any:
    """Await ``call(client)``, the handler *level* of *stage*."""
    token = _RUNNING.set((client, stage, level))
    try:
        return await call(client)
    finally:
        _RUNNING.reset(token)


def handlers_above(client: object) -> tuple[Stage, int]:
    """Return the handlers of the current stage of *client*, and the index of the next one above;
    no handlers if no handler of *client* runs here."""
    running = _RUNNING.get()
    if running is None or running[0] is not client:  # the client of an outer message
        return (), 0
    _, stage, level = running
    return stage, level + 1
