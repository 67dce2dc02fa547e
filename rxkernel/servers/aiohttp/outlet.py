"""The way out to one client, at the client's own pace."""

import asyncio
import contextlib

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

_BLOCK = 65_536
"""Bytes that are handed over at a time, so that no more of a large piece waits to be sent."""


class SlowClientError(Exception):
    """The client took nothing of its answer for too long."""


class Outlet:
    """Writes when the client has taken enough of what was written before.

    *writer* is what aiohttp has prepared for the answer to *native*; a client that takes nothing
    for *timeout* seconds is given up.
    """

    def __init__(self, native: web.Request, writer: AbstractStreamWriter, timeout: float) -> None:
        self._native = native
        self._writer = writer
        self._timeout = timeout

    async def write(self, data: bytes) -> None:
        """Hand *data* over.

        Raises:
            SlowClientError: given up. ConnectionError: the client has left.
        """
        for start in range(0, len(data), _BLOCK):
            block, waiting = data[start : start + _BLOCK], self._waiting()
            try:
                async with asyncio.timeout(self._timeout):
                    await self._writer.write(block)
                    await self._writer.drain()
            except TimeoutError:
                await self._drain(waiting + len(block))

    async def _drain(self, waiting: int) -> None:
        """Wait on as long as less than *waiting* bytes, and less each time, are to be taken."""
        while (left := self._waiting()) < waiting:
            waiting = left
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._timeout):
                    return await self._writer.drain()
        raise SlowClientError

    def _waiting(self) -> int:
        transport = self._native.transport
        return transport.get_write_buffer_size() if transport is not None else 0
