"""The streams to the peer over one connection."""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterable, Callable
from functools import partial
from typing import Any
from uuid import uuid4

from bundles.metacom.dialect import Dialect
from bundles.metacom.packets import Encode
from bundles.metacom.streams.chunks import StreamId
from bundles.metacom.streams.limits import StreamLimits
from bundles.metacom.streams.link import Link
from bundles.metacom.streams.open_streams import OpenStreams
from bundles.metacom.streams.outgoing import OutgoingStream
from bundles.metacom.streams.packets import Status, opening_packet, status_packet
from bundles.metacom.streams.stream_exception import StreamException

logger = logging.getLogger(__name__)

Caller = asyncio.Task[Any] | None
"""The task of a call; None in a task that is not a call."""


class OutgoingStreams:
    """Implements `Sending`.

    Args:
        pipe_ended: called when a pipe ends after its call, with the task of the call.

    Attributes:
        pipes: the running tasks of `OutgoingStream.pipe`.
    """

    def __init__(
        self,
        link: Link,
        limits: StreamLimits,
        open_streams: OpenStreams,
        encode: Encode,
        pipe_ended: Callable[[asyncio.Task[Any]], None],
    ) -> None:
        self._link = link
        self._limits = limits
        self._open = open_streams
        self._encode = encode
        self._pipe_ended = pipe_ended
        self._by_id: dict[StreamId, OutgoingStream] = {}
        self._last_number = 0
        self.pipes: dict[OutgoingStream, asyncio.Task[None]] = {}

    def __contains__(self, id: StreamId) -> bool:
        return id in self._by_id

    def create(self, name: str, size: int, dialect: Dialect, caller: Caller) -> OutgoingStream:
        """See `Streams.create`."""
        if not isinstance(name, str) or not name:
            raise ValueError(f"name must be a non-empty text, got {name!r}")
        if type(size) is not int or size < 0:
            raise ValueError(f"size must be a whole number of bytes, got {size!r}")
        self._open.check_room()
        stream = OutgoingStream(self._new_id(dialect), name, size, dialect, self)
        stream.caller = caller
        self._by_id[stream.id] = stream
        self._open.add(stream, partial(self._idle, stream))
        self._link.put(opening_packet(stream.id, name, size, self._encode))
        return stream

    def terminated(self, id: StreamId) -> None:
        """Stop the stream *id*, which the client has terminated."""
        self._drop(self._by_id[id], StreamException("the client has terminated the stream"))

    async def send_chunk(self, stream: OutgoingStream, chunk: bytes) -> None:
        """See `Sending`."""
        try:
            await self._link.send_chunk(chunk)
        except ConnectionError as exc:
            self._drop(stream, StreamException("the connection is closed"))
            raise StreamException("the connection is closed") from exc
        self._open.touch(stream)

    def outgoing_closed(self, stream: OutgoingStream, status: Status) -> None:
        """See `Sending`."""
        if stream in self._open:
            self._forget(stream)
            self._link.put(status_packet(stream.id, status, self._encode))

    def start_pipe(self, stream: OutgoingStream, source: AsyncIterable[bytes]) -> None:
        """See `Sending`."""
        if stream in self.pipes:
            raise RuntimeError(f"the stream {stream.name!r} has a source; call pipe() only once")
        task = self.pipes[stream] = asyncio.create_task(self._pipe(stream, source))
        task.add_done_callback(partial(self._forget_pipe, stream))

    def has_pipe_of(self, caller: asyncio.Task[Any]) -> bool:
        """Whether a pipe of the call *caller* is running."""
        return any(stream.caller is caller for stream in self.pipes)

    def close(self, error: StreamException) -> None:
        """Make writers raise *error*."""
        for stream in self._open:
            if isinstance(stream, OutgoingStream):
                self._drop(stream, error)

    async def _pipe(self, stream: OutgoingStream, source: AsyncIterable[bytes]) -> None:
        try:
            try:
                if stream.caller is not None:
                    await asyncio.wait({stream.caller})
                async for data in source:
                    await stream.write(data)
            finally:
                if isinstance(source, AsyncGenerator):
                    await source.aclose()
            await stream.end()
        except StreamException:
            pass  # the client has disconnected, or terminated the stream
        except Exception:
            logger.exception("the source of the stream %.100r failed", stream.name)
        finally:
            await stream.terminate()

    def _forget_pipe(self, stream: OutgoingStream, _: asyncio.Task[None]) -> None:
        """Called when the task of the pipe is done, since a task that is cancelled at once does
        not reach its ``finally``."""
        del self.pipes[stream]
        if stream.caller is not None and stream.caller.done():
            self._pipe_ended(stream.caller)

    def _new_id(self, dialect: Dialect) -> StreamId:
        if dialect is Dialect.B:
            return str(uuid4())
        self._last_number -= 1
        return self._last_number

    def _idle(self, stream: OutgoingStream) -> None:
        if not stream.is_sending:  # the connection has its own limits for a slow client
            self.outgoing_closed(stream, Status.TERMINATE)
            seconds = self._limits.timeout
            stream.fail(
                StreamException(f"no data was written to the stream for {seconds:g} seconds")
            )

    def _drop(self, stream: OutgoingStream, error: StreamException) -> None:
        self._forget(stream)
        stream.fail(error)

    def _forget(self, stream: OutgoingStream) -> None:
        self._open.remove(stream)
        self._by_id.pop(stream.id, None)
        pipe = self.pipes.get(stream)
        if pipe is not None and pipe is not asyncio.current_task():
            pipe.cancel()
