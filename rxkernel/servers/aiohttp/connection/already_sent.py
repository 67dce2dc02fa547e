"""A response that an action has already written through ``request.native``."""

from typing import Any

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter


class AlreadySent(web.StreamResponse):
    """Sends nothing and closes the connection; *size* bytes have been written already."""

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
