"""The way out to one client, at the client's own pace."""

from aiohttp.abc import AbstractStreamWriter

_BLOCK = 65_536
"""Bytes that are handed over at a time, so that no more of a large piece waits to be sent."""


class Outlet:
    """Writes when the client has taken enough of what was written before.

    *writer* is what aiohttp has prepared for the answer. A client that takes nothing is the
    `HttpConnection`'s to cut off. ``sent`` counts the bytes.
    """

    def __init__(self, writer: AbstractStreamWriter) -> None:
        self._writer = writer
        self.sent = 0

    async def write(self, data: bytes) -> None:
        """Hand *data* over.

        Raises:
            ConnectionError: the client has left, or was cut off.
        """
        for start in range(0, len(data), _BLOCK):
            await self._writer.write(data[start : start + _BLOCK])
            await self._writer.drain()
        self.sent += len(data)
