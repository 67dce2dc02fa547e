"""A stream from the peer."""

import asyncio
from collections import deque
from collections.abc import Set as AbstractSet
from typing import Any, Protocol, Self

from bundles.metacom.streams.chunks import StreamId
from bundles.metacom.streams.stream_exception import StreamException
from rxkernel import PayloadTooLargeException

_SMALL = 4_096
"""Bytes up to which waiting chunks are joined, since each one takes 60 bytes besides its data."""


class Receiving(Protocol):
    """The methods of `IncomingStreams` that an `IncomingStream` calls."""

    def data_read(self, stream: "IncomingStream", size: int) -> None: ...

    def incoming_terminated(self, stream: "IncomingStream") -> None: ...


class IncomingStream:
    """Iterate over it, in one task, to read its data.

    While more than ``stream_window`` bytes are unread, no messages are received from the client,
    including calls. As a context manager it terminates a stream that was not read to its end; the
    end of the call does this too.

    Attributes:
        id: the id that the client sent.
        name: the name that the client sent, such as a file name. Do not use it as a path.
        size: the number of bytes of the whole stream, as the client announced it.
        received: the number of bytes that have arrived.
        unread: the number of bytes that have arrived and are not read yet.
        is_taken: whether `MetacomConnection.get_stream` has returned it.
        caller: the task of the call that has taken it; None if another task has.
        earlier_calls: the calls that were running when it was opened.
        is_ended: whether all bytes have arrived.
        progress: bytes that were received or read since the last restart of its idle timer.
    """

    __slots__ = (
        "_chunks",
        "_error",
        "_streams",
        "_waiting",
        "caller",
        "earlier_calls",
        "id",
        "is_ended",
        "is_taken",
        "name",
        "progress",
        "received",
        "size",
        "unread",
    )

    def __init__(self, id: StreamId, name: str, size: int, streams: Receiving) -> None:
        self.id = id
        self.name = name
        self.size = size
        self.received = 0
        self.unread = 0
        self.progress = 0
        self.is_taken = False
        self.caller: asyncio.Task[Any] | None = None
        self.earlier_calls: AbstractSet[asyncio.Task[Any]] = frozenset()
        self.is_ended = False
        self._streams = streams
        self._chunks: deque[bytes] = deque()
        self._error: StreamException | None = None
        self._waiting: asyncio.Future[None] | None = None

    @property
    def is_closed(self) -> bool:
        """Whether it has failed, or all its bytes are read."""
        return self._error is not None or (self.is_ended and not self._chunks)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        """Return the next bytes.

        Raises:
            StreamException: the stream has failed; its unread bytes are dropped.
        """
        while not self._chunks:
            if self._error is not None:
                raise self._error.copy()
            if self.is_ended:
                raise StopAsyncIteration
            await self._wait()
        data = self._chunks.popleft()
        self.unread -= len(data)
        self._streams.data_read(self, len(data))
        return data

    async def read_all(self, limit: int) -> bytes:
        """Return all bytes that are not read yet.

        Raises:
            PayloadTooLargeException: the size of the stream exceeds *limit*; it is terminated.
            StreamException: the stream has failed.
        """
        if self.size > limit:
            await self.terminate()
            raise PayloadTooLargeException(f"the stream must not have more than {limit} bytes")
        return b"".join([data async for data in self])

    async def terminate(self) -> None:
        """Ask the client to stop, and ignore further data. Does nothing if all bytes are read."""
        if not self.is_closed:
            self._streams.incoming_terminated(self)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.terminate()

    def feed(self, data: bytes) -> None:
        """Add bytes that have arrived."""
        self.received += len(data)
        if data:
            self.unread += len(data)
            if self._chunks and len(self._chunks[-1]) + len(data) <= _SMALL:
                self._chunks[-1] += data
            else:
                self._chunks.append(data)
            self._wake()

    def end(self) -> None:
        """Note that all bytes have arrived."""
        self.is_ended = True
        self._wake()

    def fail(self, error: StreamException) -> None:
        """Make readers raise *error*, and drop the unread bytes."""
        self._error = error
        self._chunks.clear()
        self.unread = 0
        self._wake()

    async def _wait(self) -> None:
        if self._waiting is not None:
            raise RuntimeError("the stream is read by two tasks; read it in one task")
        self._waiting = asyncio.get_running_loop().create_future()
        try:
            await self._waiting
        finally:
            self._waiting = None

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)
