"""A response that was written before aiohttp gets it, as by an action with ``request.native``."""

from typing import Any

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter


class AlreadySent(web.StreamResponse):
    """Sends nothing and closes the connection. *size* bytes were written before."""

    def __init__(self, status: int, size: int) -> None:
        super().__init__(status=status)
        self._size = size
        self.force_close()

    @property
    def body_length(self) -> int:
        return self._size

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        return None

    async def write_eof(self, data: Any = b"") -> None:
        return None
