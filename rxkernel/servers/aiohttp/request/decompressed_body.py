"""The decompressed body of an aiohttp request, for the kernel, Socket.IO and native handlers.

aiohttp's own decompression accepts a body that ends early, and continues after the response.
"""

import asyncio

import aiohttp
from aiohttp import StreamReader, hdrs, web

from rxkernel.exceptions import BadRequestException
from rxkernel.servers.http.decompression import Decompressor, content_coding, is_supported

_NEVER_FULL = 1 << 30
"""Bytes at which reading from the connection would pause; never reached, because the buffer holds
one piece only."""


class DecompressedBody(StreamReader):
    """Reads *source*, the body as it is received, when a piece is requested.

    A body that cannot be decompressed raises `web.RequestPayloadError`, like a malformed one; its
    cause is the `BadRequestException` for the client.
    """

    __slots__ = ("_decompressor", "source")

    def __init__(self, source: StreamReader, coding: str) -> None:
        loop = asyncio.get_running_loop()
        # a separate protocol: the connection's own pauses and resumes reading for *source*
        super().__init__(aiohttp.base_protocol.BaseProtocol(loop), _NEVER_FULL, loop=loop)
        self.source = source
        self._decompressor = Decompressor(coding)

    async def _wait(self, func_name: str) -> None:
        """Called by all methods that read, until the buffer is not empty."""
        try:
            piece = self._decompressor.read()
            if piece is None:
                await self._receive()
            elif piece:
                self.feed_data(piece)
        except BadRequestException as exc:
            error = web.RequestPayloadError(exc.message)
            error.__cause__ = exc
            self.set_exception(error)
            raise error from exc
        if self._decompressor.has_more:
            await asyncio.sleep(0)

    async def _receive(self) -> None:
        if data := await self.source.readany():
            self._decompressor.feed(data)
        else:
            self._decompressor.end()
            self.feed_eof()


def decompress_body(native: web.Request) -> StreamReader:
    """Replace the body of *native* if its content coding is supported; return the received body.

    Call it before anything reads ``native.content``, which aiohttp caches.
    """
    received = native._payload
    if hdrs.CONTENT_ENCODING in native.headers and native.body_exists:
        coding = content_coding(native.headers)
        if is_supported(coding):
            native._payload = DecompressedBody(received, coding)
    return received


def received_body(native: web.BaseRequest) -> StreamReader:
    """The body of *native* as it is received."""
    content = native.content
    return content.source if isinstance(content, DecompressedBody) else content
