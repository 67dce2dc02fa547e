"""The deadline for the head of a response."""

import asyncio
from types import TracebackType
from typing import Self

from rxkernel import Request


class Deadline:
    """Cancels its block, which then raises `TimeoutError`, at the time of the last `set`, or when
    the client of *request* disconnects.

    Attributes:
        is_client_gone: whether the client has disconnected.
    """

    def __init__(self, request: Request) -> None:
        self._request = request
        self._scope = asyncio.timeout(None)
        self._is_open = False
        self.is_client_gone = False

    def set(self, seconds: float | None) -> None:
        """End the block in *seconds*; None: never. Does nothing after the block."""
        if self._is_open and not self.is_client_gone and not self._scope.expired():
            loop = asyncio.get_running_loop()
            self._scope.reschedule(None if seconds is None else loop.time() + seconds)

    async def __aenter__(self) -> Self:
        await self._scope.__aenter__()
        self._is_open = True
        self._revoke = self._request.when_disconnected(self._leave)
        return self

    def _leave(self) -> None:
        self.set(0)
        self.is_client_gone = True

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._is_open = False
        self._revoke()
        await self._scope.__aexit__(kind, exc, traceback)
