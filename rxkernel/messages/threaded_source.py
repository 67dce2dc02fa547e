"""Plain iterables as the source of a stream."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextvars import copy_context
from typing import Any, Self

from rxkernel.messages.open_files import OPEN_FILES

_END = object()
_CHUNK_SIZE = 65_536
"""Bytes or characters that are read from a file at a time. Its lines could have any size."""

_WHOLE = (str, bytes, bytearray, memoryview)
_IN_MEMORY = (list, tuple)


class ThreadedSource:
    """The items of *source*, each produced in a thread, since a plain iterable may block.

    The items of a list or tuple need no thread. `aclose` closes *source* after the thread has
    ended.
    """

    def __init__(self, source: Iterable[Any]) -> None:
        self._source: Any = source
        self._items: Iterator[Any] | None = None
        self._step: asyncio.Future[Any] | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        if isinstance(self._source, _IN_MEMORY):
            item = self._next()
        else:
            self._step = _in_thread(self._next)
            item = await asyncio.shield(self._step)
        if item is _END:
            raise StopAsyncIteration
        return item

    def _next(self) -> Any:
        if isinstance(self._source, OPEN_FILES):
            return self._source.read(_CHUNK_SIZE) or _END
        if self._items is None:
            self._items = iter(self._source)
        return next(self._items, _END)

    async def aclose(self) -> None:
        """Close the source, once; wait for a thread that still runs."""
        step = self._step
        if step is not None:
            await asyncio.wait({step})
            if not step.cancelled():
                step.exception()  # raised to the reader, unless that was cancelled
        held, self._items, self._source = (self._items, self._source), None, ()
        closes = (getattr(each, "close", None) for each in held)
        for close in filter(callable, dict.fromkeys(closes)):
            await _in_thread(close)


def _in_thread(call: Callable[[], Any]) -> "asyncio.Future[Any]":
    return asyncio.get_running_loop().run_in_executor(None, copy_context().run, call)


def stream_source(content: Any, owner: str) -> Any:
    """Return *content*, the source of the response *owner*, as an async iterable.

    Raises:
        TypeError: *content* is not iterable, or it is a whole body.
    """
    if hasattr(content, "__aiter__"):
        return content
    if isinstance(content, _WHOLE) or not hasattr(content, "__iter__"):
        raise TypeError(
            f"the content of {owner} is a {type(content).__qualname__}; it must be an iterable or "
            f"an async iterable of pieces; for a whole body return a Response"
        )
    return ThreadedSource(content)
