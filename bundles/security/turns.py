"""A bound for work with passwords, which takes a core and tens of megabytes."""

import asyncio
from types import TracebackType

from rxkernel import ServiceUnavailableException

_RETRY_AFTER = {"Retry-After": "5"}


class Turns:
    """An asynchronous context manager: *number* blocks run at a time, and at most *max_waiting*
    wait, in the order of their arrival."""

    def __init__(self, number: int, max_waiting: int) -> None:
        self._free = asyncio.Semaphore(number)
        self._max_waiting = max_waiting
        self._waiting = 0

    async def __aenter__(self) -> None:
        """Wait for a turn.

        Raises:
            ServiceUnavailableException: too many wait already.
        """
        if self._free.locked() and self._waiting >= self._max_waiting:
            raise ServiceUnavailableException(
                "too many passwords wait for verification; try again later",
                code="passwords_busy",
                headers=_RETRY_AFTER,
            )
        self._waiting += 1
        try:
            await self._free.acquire()
        finally:
            self._waiting -= 1

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._free.release()
