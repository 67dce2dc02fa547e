"""An answer that aiohttp is given as bytes: it writes a head and a body one by one."""

from typing import Any

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

from rxkernel.servers.http.response_writer import body_size


class RawResponse(web.StreamResponse):
    """*data* is all of it, its head included, and *keeps* what that says of the connection.

    What aiohttp's own answers begin with would cost more than this has to do: it asks these for
    no more than is here. ``body_length`` is that of all, as aiohttp counts.
    """

    prepared = True
    keep_alive: bool | None = None
    status = 0
    body_length = 0
    content_length: int | None = None

    def __init__(self, status: int, data: bytes, *, keeps: bool) -> None:
        self.status = status
        self.keep_alive = keeps
        self._data = data

    @property
    def size(self) -> int | None:
        """Bytes of the body that were sent."""
        return body_size(self._data) if self.body_length == len(self._data) else None

    def force_close(self) -> None:
        self.keep_alive = False

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Write it; it has left once the client has room for the next. Where an action has
        answered by itself, through ``native``, that is the last answer of the connection.

        Raises:
            ConnectionError: the client has left.
        """
        transport, data = request.transport, self._data
        if transport is None or transport.is_closing():
            raise ConnectionResetError("the client has left")
        if request.writer.output_size:
            self.keep_alive, self.body_length = False, request.writer.output_size
            return None
        transport.write(data)
        if request.protocol.guard.is_full:  # type: ignore[attr-defined]
            await request.writer.drain()
        self.body_length = len(data)
        return None

    async def write_eof(self, data: Any = b"") -> None:
        """Nothing is left to write."""
