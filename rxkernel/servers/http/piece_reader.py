"""Bodies that are read in pieces."""

from abc import ABC, abstractmethod
from typing import Self

from rxkernel.exceptions import RequestTimeoutException
from rxkernel.messages.connection import ClientAddress
from rxkernel.servers.http.body_limits import BodyTooLargeException, record_limit
from rxkernel.servers.limits import LimitCounters


class PieceReader(ABC):
    """Reads a body once."""

    @abstractmethod
    async def read(self) -> bytes:
        """Return the next piece; empty at the end of the body."""

    async def read_all(self) -> bytes:
        """Return all pieces joined; raises the same as `read`."""
        body = bytearray()  # a list of many small pieces would need far more memory
        while piece := await self.read():
            body += piece
        return bytes(body)


class CountedPieces:
    """Iterates over the pieces of *reader*. *counters* count the limits that it reaches."""

    def __init__(
        self, reader: PieceReader, counters: LimitCounters, client: ClientAddress | None
    ) -> None:
        self._reader = reader
        self._counters = counters
        self._client = client

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        try:
            piece = await self._reader.read()
        except (BodyTooLargeException, RequestTimeoutException) as exc:
            record_limit(self._counters, exc, self._client)
            raise
        if not piece:
            raise StopAsyncIteration
        return piece
