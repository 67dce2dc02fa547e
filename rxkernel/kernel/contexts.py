"""The context (`contextvars`) of a message: one object, from its first listener to its end.

A token of `ContextVar.set` is valid only in the context that created it, not in a copy. So all
code of a message runs in one `Context`, also if it runs in several tasks.
"""

import asyncio
import gc
import sys
from collections.abc import AsyncIterable, AsyncIterator, Coroutine
from contextvars import Context, copy_context
from typing import Any, Self, TypeVar

T = TypeVar("T")

if sys.version_info >= (3, 12):

    def context_of(task: "asyncio.Task[Any]") -> Context:
        """The context that *task* runs in."""
        return task.get_context()
else:

    def context_of(task: "asyncio.Task[Any]") -> Context:
        """The context that *task* runs in."""
        # 3.11 has no method for it. A task visits its own context before those of callbacks.
        return next(held for held in gc.get_referents(task) if type(held) is Context)


def current_context() -> Context:
    """Return the context of the current task; outside of a task, a copy of the current one."""
    task = asyncio.current_task()
    return copy_context() if task is None else context_of(task)


def start(work: Coroutine[Any, Any, T], context: Context) -> "asyncio.Task[T]":
    """Return a task that runs *work* in *context*, starting in the next iteration of the loop.

    An eager task factory would enter *context* at once, which fails if it is the current one.
    """
    return asyncio.Task(work, loop=asyncio.get_running_loop(), context=context)


async def run(work: Coroutine[Any, Any, T], context: Context) -> T:
    """Run *work* in *context*, and return its result. It is cancelled with its caller."""
    return await start(work, context)


class ReadInContext(AsyncIterator[Any]):
    """Reads and closes *source* in *context*, even if it is called in another context."""

    def __init__(self, source: AsyncIterable[Any], context: Context) -> None:
        self._source = source
        self._context = context
        self._items: AsyncIterator[Any] | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        return await run(self._next(), self._context)

    async def _next(self) -> Any:
        if self._items is None:
            self._items = aiter(self._source)
        return await anext(self._items)

    async def aclose(self) -> None:
        """Close the source, if it has ``aclose``."""
        close = getattr(self._source, "aclose", None)
        if close is not None:
            await run(close(), self._context)
