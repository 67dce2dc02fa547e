"""Which handler of a stage runs, for ``client.inherited()``: in its tasks, too."""

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any

from bundles.web.directories.chain import Stage

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
    """Return the handlers of the stage of *client* that runs here, and the index of the next one
    above; no handlers if there is none above."""
    running = _RUNNING.get()
    if running is None or running[0] is not client:  # that of a message around this one
        return (), 0
    _, stage, level = running
    return stage, level + 1
