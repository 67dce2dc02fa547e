"""The streams that the server sends over one connection."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Any

import attrs

from bundles.metacom.client.errors import MetacomError
from bundles.metacom.dialect import Dialect
from bundles.metacom.streams.chunks import check_id
from bundles.metacom.streams.packets import Opening, Status

MAX_UNREAD = 10_000_000
"""The maximum of received but unread bytes, for all streams of a connection."""

MAX_STREAMS = 100

_BAD = 400


@attrs.define(eq=False)
class _Download:
    id: int
    size: int
    chunks: deque[bytes] = attrs.field(factory=deque)
    received: int = 0
    unread: int = 0
    is_read: bool = False
    is_ended: bool = False
    error: Exception | None = None
    changed: asyncio.Event = attrs.field(factory=asyncio.Event)

    @property
    def is_abandoned(self) -> bool:
        """Whether it has ended or failed, and is not being read."""
        return not self.is_read and (self.is_ended or self.error is not None)

    def fail(self, error: Exception) -> None:
        self.error = self.error or error
        self.changed.set()


class Downloads:
    """The streams by id. The id of a stream may arrive after its data, in the callback of a call,
    so data is kept until `read` is called.

    When more than `MAX_UNREAD` bytes are unread, `room` waits, and streams that are not being read
    fail. Before that, the oldest ended streams that are not being read are dropped, since their
    calls may have failed.

    Args:
        terminate: called with the id of a stream that is not read any further.
    """

    def __init__(self, timeout: float, terminate: Callable[[int], None]) -> None:
        self._timeout = timeout
        self._terminate = terminate
        self._downloads: dict[int, _Download] = {}
        self._unread = 0
        self._room = asyncio.Event()
        self._room.set()

    @property
    def is_full(self) -> bool:
        """Whether the connection must wait until a stream is read."""
        return not self._room.is_set()

    def open(self, id: Any, opening: Opening) -> None:
        """Begin to receive a stream.

        Raises:
            ValueError: the id is invalid or in use, or too many streams are open.
        """
        number = check_id(id, Dialect.A)
        if not isinstance(number, int) or number in self._downloads:
            raise ValueError(f"the server opened the stream {id!r:.100} twice")
        if len(self._downloads) >= MAX_STREAMS and not self._drop_oldest():
            raise ValueError(f"the server opened more than {MAX_STREAMS} streams")
        self._downloads[number] = _Download(number, opening.size)

    def receive(self, id: Any, data: bytes) -> None:
        """Keep *data* until it is read. The data of an unknown stream is dropped."""
        stream = self._downloads.get(id)
        if stream is None or stream.error is not None or stream.is_ended:
            return
        stream.received += len(data)
        if not stream.is_read and stream.unread + len(data) <= MAX_UNREAD:
            self._make_room(len(data))
        if stream.received > stream.size:
            self._fail(stream, f"has more bytes than its size of {stream.size}")
        elif self._unread + len(data) > MAX_UNREAD and not stream.is_read:
            self._fail(stream, f"was not read before {MAX_UNREAD} bytes had arrived")
        elif data:
            stream.chunks.append(data)
            stream.unread += len(data)
            self._unread += len(data)
            stream.changed.set()
            if self._unread > MAX_UNREAD:
                self._room.clear()

    def close_stream(self, id: Any, status: Status) -> None:
        """Note that the server has closed a stream."""
        stream = self._downloads.get(id)
        if stream is None:
            return
        if status is Status.TERMINATE:
            stream.fail(MetacomError(_BAD, f"the server terminated the stream {id}"))
        elif stream.received < stream.size:
            self._fail(stream, f"ended after {stream.received} of {stream.size} bytes")
        else:
            stream.is_ended = True
            stream.changed.set()

    async def room(self) -> None:
        """Wait until at most `MAX_UNREAD` bytes are unread."""
        await self._room.wait()

    async def read(self, id: int) -> AsyncIterator[bytes]:
        """Return the data of a stream.

        Raises:
            LookupError: the server has not opened it, it was read before, or it was dropped.
            MetacomError: the server has terminated it, its length is wrong, or too many bytes
                arrived before it was read.
            TimeoutError: no data has arrived for the timeout.
            ConnectionError: the connection was lost.
        """
        stream = self._downloads.get(id)
        if stream is None or stream.is_read:
            raise LookupError(f"the stream {id!r} is unknown, was read before, or was dropped")
        stream.is_read = True
        try:
            while await self._has_data(stream):
                data = stream.chunks.popleft()
                self._forget(stream, len(data))
                yield data
        finally:
            if not stream.is_ended and stream.error is None:
                self._terminate(id)
            self._downloads.pop(id, None)
            self._forget(stream, stream.unread)

    async def _has_data(self, stream: _Download) -> bool:
        """Wait for data; return False at the end of the stream."""
        while not stream.chunks:
            if stream.error is not None:
                raise stream.error
            if stream.is_ended:
                return False
            stream.changed.clear()
            try:
                async with asyncio.timeout(self._timeout):
                    await stream.changed.wait()
            except TimeoutError:
                raise TimeoutError(
                    f"no data of the stream {stream.id} has arrived for {self._timeout:g} s"
                ) from None
        return True

    def close(self, problem: str) -> None:
        """Handle the end of the connection: readers receive the data that has arrived, then an
        error."""
        for stream in self._downloads.values():
            if not stream.is_ended:
                stream.fail(ConnectionError(problem))

    def _fail(self, stream: _Download, problem: str) -> None:
        stream.fail(MetacomError(_BAD, f"the stream {stream.id} {problem}"))
        stream.chunks.clear()
        self._forget(stream, stream.unread)
        self._terminate(stream.id)

    def _make_room(self, size: int) -> None:
        """Drop abandoned streams until *size* bytes fit, if possible."""
        while self._unread + size > MAX_UNREAD and self._drop_oldest():
            pass

    def _drop_oldest(self) -> bool:
        """Drop the oldest abandoned stream; return whether there was one."""
        for stream in self._downloads.values():
            if stream.is_abandoned:
                del self._downloads[stream.id]
                self._forget(stream, stream.unread)
                return True
        return False

    def _forget(self, stream: _Download, size: int) -> None:
        stream.unread -= size
        self._unread -= size
        if self._unread <= MAX_UNREAD:
            self._room.set()
