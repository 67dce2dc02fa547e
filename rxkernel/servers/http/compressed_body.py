"""A compressed body that was received as a whole."""

import asyncio
from typing import Self

from rxkernel.messages.connection import ClientAddress
from rxkernel.servers.http.body_limits import (
    BODY_LIMIT,
    BodyLimits,
    BodyTooLargeException,
    check_size,
    record_limit,
)
from rxkernel.servers.http.decompression import Decompressor
from rxkernel.servers.limits import LimitCounters


class CompressedBody:
    """The decompressed pieces of *raw*; other tasks run between two of them.

    It may have *limit* bytes, compressed and decompressed, the limit of *setting*.
    """

    def __init__(self, raw: bytes, coding: str, limit: int, setting: str = BODY_LIMIT) -> None:
        check_size(len(raw), limit, setting)
        self._decompressor = Decompressor(coding)
        self._decompressor.feed(raw)
        self._limit = limit
        self._limit_setting = setting
        self._size = 0

    async def read_all(self) -> bytes:
        """All pieces joined; raises as `read` does."""
        body = bytearray()
        while piece := await self.read():
            body += piece
        return bytes(body)

    async def read(self) -> bytes:
        """The next piece; empty at the end of the body.

        Raises:
            BodyTooLargeException: the body is larger than the limit (413).
            BadRequestException: the content coding is malformed, or ends early (400).
        """
        decompressor = self._decompressor
        while (piece := decompressor.read()) is not None:
            if decompressor.has_more:
                await asyncio.sleep(0)
            if piece:
                self._size += len(piece)
                check_size(self._size, self._limit, self._limit_setting)
                return piece
        decompressor.end()
        return b""


class CompressedStream(CompressedBody):
    """The pieces as an iterator. *counters* count the limit if it is reached."""

    def __init__(
        self,
        raw: bytes,
        coding: str,
        limits: BodyLimits,
        counters: LimitCounters,
        client: ClientAddress | None,
    ) -> None:
        super().__init__(raw, coding, limits.total, limits.total_setting)
        self._counters = counters
        self._client = client

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        try:
            piece = await self.read()
        except BodyTooLargeException as exc:
            record_limit(self._counters, exc, self._client)
            raise
        if piece:
            return piece
        raise StopAsyncIteration
