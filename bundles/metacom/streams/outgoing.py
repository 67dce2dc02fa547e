"""A stream to the peer."""

import asyncio
from collections.abc import AsyncIterable
from typing import Any, Protocol, Self

from bundles.metacom.dialect import Dialect
from bundles.metacom.streams.chunks import StreamId, encode_chunk
from bundles.metacom.streams.packets import Status
from bundles.metacom.streams.stream_exception import StreamException

_SMALLEST_CHUNK, _GREATEST_CHUNK = 65_536, 1_048_576

_CHUNKS = 32
"""The npm client confuses the order if more than 41 chunks of a stream wait for its reader."""


class Sending(Protocol):
    """The methods of `OutgoingStreams` that an `OutgoingStream` calls."""

    async def send_chunk(self, stream: "OutgoingStream", chunk: bytes) -> None: ...

    def outgoing_closed(self, stream: "OutgoingStream", status: Status) -> None: ...

    def start_pipe(self, stream: "OutgoingStream", source: AsyncIterable[bytes]) -> None: ...


class OutgoingStream:
    """Write its bytes in one task, then call `end`. Or call `pipe`, which does both.

    Small writes are joined to chunks. As a context manager it ends the stream, or terminates it if
    the block raises.

    Attributes:
        id: the client needs it to read the stream, so the call must return it.
        size: the number of bytes of the whole stream.
        written: the number of bytes that were written.
        is_sending: whether a chunk is waiting for the client.
        caller: the task of the call that has created it, or None.
    """

    __slots__ = (
        "_chunk_size",
        "_collected",
        "_dialect",
        "_error",
        "_is_ended",
        "_streams",
        "caller",
        "id",
        "is_sending",
        "name",
        "size",
        "written",
    )

    def __init__(
        self, id: StreamId, name: str, size: int, dialect: Dialect, streams: Sending
    ) -> None:
        self.id = id
        self.name = name
        self.size = size
        self.written = 0
        self.is_sending = False
        self.caller: asyncio.Task[Any] | None = None
        self._dialect = dialect
        self._streams = streams
        self._chunk_size = min(max(-(-size // _CHUNKS), _SMALLEST_CHUNK), _GREATEST_CHUNK)
        self._collected = bytearray()
        self._error: StreamException | None = None
        self._is_ended = False

    @property
    def is_closed(self) -> bool:
        """Whether nothing more can be written."""
        return self._is_ended or self._error is not None

    async def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send *data*; wait while the client does not read.

        Raises:
            ValueError: *data* exceeds the size of the stream, which is terminated.
            StreamException: the client has terminated it, or the connection is closed.
        """
        self._check_open()
        rest = memoryview(data).cast("B")
        if self.written + len(rest) > self.size:
            await self.terminate()
            raise ValueError(
                f"the stream {self.name!r} was opened with a size of {self.size} bytes, but "
                f"{self.written + len(rest)} were written; pass the right size to create_stream()"
            )
        self.written += len(rest)
        while rest:
            room = self._chunk_size - len(self._collected)
            self._collected += rest[:room]
            rest = rest[room:]
            if len(self._collected) == self._chunk_size:
                await self._send()
        if self.written == self.size and self._collected:
            await self._send()

    async def end(self) -> None:
        """Send the packet that ends the stream.

        Raises:
            ValueError: fewer bytes than the size of the stream were written; it is terminated.
            StreamException: the client has terminated it, or the connection is closed.
        """
        self._check_open()
        if self.written < self.size:
            await self.terminate()
            raise ValueError(
                f"the stream {self.name!r} was opened with a size of {self.size} bytes, but ended "
                f"after {self.written}; pass the right size to create_stream()"
            )
        self._is_ended = True
        self._streams.outgoing_closed(self, Status.END)

    async def terminate(self) -> None:
        """Send the packet that aborts the stream. Does nothing once it is closed."""
        if not self.is_closed:
            self.fail(StreamException(f"the stream {self.name!r} was terminated"))
            self._streams.outgoing_closed(self, Status.TERMINATE)

    def pipe(self, source: AsyncIterable[bytes]) -> None:
        """Write all data of *source* in a task of the connection, then end the stream.

        The task begins after the response of the call that has created the stream. An error of
        *source* is logged, and terminates the stream.
        """
        self._check_open()
        self._streams.start_pipe(self, source)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            await self.terminate()
        elif not self.is_closed:
            await self.end()

    def fail(self, error: StreamException) -> None:
        """Make writers raise *error*."""
        self._error = error
        self._collected.clear()

    def _check_open(self) -> None:
        if self._error is not None:
            raise self._error.copy()
        if self._is_ended:
            raise RuntimeError(f"the stream {self.name!r} has ended; write before end()")

    async def _send(self) -> None:
        chunk = encode_chunk(self.id, bytes(self._collected), self._dialect)
        self._collected.clear()
        self.is_sending = True
        try:
            await self._streams.send_chunk(self, chunk)
        finally:
            self.is_sending = False
        if self._error is not None:
            raise self._error.copy()
