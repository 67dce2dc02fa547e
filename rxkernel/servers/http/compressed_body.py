"""A compressed body that was received as a whole."""

import asyncio

from rxkernel.servers.http.body_limits import BODY_LIMIT, check_size
from rxkernel.servers.http.decompression import Decompressor
from rxkernel.servers.http.piece_reader import PieceReader


class CompressedBody(PieceReader):
    """The decompressed pieces of *raw*; other tasks run between two pieces.

    It may have *limit* bytes, both compressed and decompressed; *limit* is the value of *setting*.
    """

    def __init__(self, raw: bytes, coding: str, limit: int, setting: str = BODY_LIMIT) -> None:
        check_size(len(raw), limit, setting)
        self._decompressor = Decompressor(coding)
        self._decompressor.feed(raw)
        self._limit = limit
        self._limit_setting = setting
        self._size = 0

    async def read(self) -> bytes:
        """The next piece; empty at the end of the body.

        Raises:
            BodyTooLargeException: the body is larger than the limit (413).
            BadRequestException: the compressed data is malformed, or ends early (400).
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
