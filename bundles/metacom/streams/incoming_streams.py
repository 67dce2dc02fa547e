"""The streams from the peer over one connection."""

import asyncio
from functools import partial
from typing import Any

from bundles.metacom.packets import Encode
from bundles.metacom.streams.chunks import StreamId
from bundles.metacom.streams.incoming import IncomingStream
from bundles.metacom.streams.limits import StreamLimits
from bundles.metacom.streams.link import Link
from bundles.metacom.streams.open_streams import OpenStreams
from bundles.metacom.streams.packets import Opening, Status, status_packet
from bundles.metacom.streams.stream_exception import StreamException
from rxkernel import PayloadTooLargeException

_PROGRESS = 1_024
"""Bytes of a stream that restart its idle timer. At the end of a stream fewer bytes do so too."""

_NOT_TAKEN = "no call has taken the stream; call its method before you send data"


class IncomingStreams:
    """Implements `Receiving`.

    A stream is found by its id until it is ended and taken. It is open until all of it is read.

    Attributes:
        unread: unread bytes of streams that calls have taken. Above the window, the connection is
            paused.
        untaken: bytes of streams that no call has taken. Above the window, the connection is
            paused if a running call that began after the stream may take it. Otherwise the stream
            fails, since a paused connection could not receive the call that takes it.
    """

    def __init__(
        self, link: Link, limits: StreamLimits, open_streams: OpenStreams, encode: Encode
    ) -> None:
        self._link = link
        self._limits = limits
        self._open = open_streams
        self._encode = encode
        self._by_id: dict[StreamId, IncomingStream] = {}
        self._dropped: dict[StreamId, None] = {}
        self._is_paused = False
        self._is_closed = False
        self.unread = 0
        self.untaken = 0

    def take(self, id: object, caller: asyncio.Task[Any] | None) -> IncomingStream:
        """See `Streams.take`."""
        stream = self._by_id.get(id) if type(id) is int or type(id) is str else None
        if stream is None:
            raise _unknown(id)
        if not stream.is_taken:
            stream.is_taken = True
            self.untaken -= stream.unread
            self.unread += stream.unread
        stream.caller = caller
        if stream.is_ended:
            self._forget_id(stream)
        self._release()
        return stream

    def open(self, id: StreamId, opening: Opening) -> None:
        """Accept a new stream.

        Raises:
            HttpException: *id* is in use or invalid, or a limit is exceeded.
        """
        if isinstance(id, int) and id < 0:
            raise StreamException(f"the id of a client's stream must be positive, got {id}")
        if id in self._by_id:
            raise StreamException(f"Stream {id}/{opening.name:.100} is already initialized")
        if opening.size > self._limits.max_size:
            raise PayloadTooLargeException(
                f"a stream must have at most {self._limits.max_size} bytes"
            )
        self._open.check_room()
        self._dropped.pop(id, None)
        stream = IncomingStream(id, opening.name, opening.size, self)
        stream.earlier_calls = frozenset(self._link.calls)
        self._by_id[id] = stream
        self._open.add(stream, partial(self._idle, stream))

    def receive(self, id: StreamId, data: bytes) -> None:
        """Add *data* to the stream *id*.

        Raises:
            StreamException: the stream is unknown, or fails because of *data*.
        """
        stream = self._by_id.get(id)
        if stream is None or stream.is_ended:
            if id in self._dropped:
                return
            raise _unknown(id)
        if stream.received + len(data) > stream.size:
            raise self._fail(stream, f"the stream has more bytes than its size of {stream.size}")
        if stream.is_taken:
            self.unread += len(data)
        elif self.untaken + len(data) <= self._limits.window or self._may_be_taken(stream):
            self.untaken += len(data)
        else:
            raise self._fail(stream, _NOT_TAKEN)
        stream.feed(data)
        self._count_progress(stream, len(data))
        if self._is_full and not self._is_paused:
            self._is_paused = True
            self._link.pause_reading()

    def fail_untaken(self) -> None:
        """Fail streams that do not fit into the window, and that no running call may take."""
        if self.untaken > self._limits.window:
            for stream in tuple(self._by_id.values()):
                if not stream.is_taken and not self._may_be_taken(stream):
                    self._link.report(stream.id, self._fail(stream, _NOT_TAKEN))
                if self.untaken <= self._limits.window:
                    break

    def terminate_taken(self, caller: asyncio.Task[Any]) -> None:
        """Terminate the streams that *caller* has taken and not read to their end."""
        for stream in self._open:
            if isinstance(stream, IncomingStream) and stream.caller is caller:
                self._terminate(stream, "the call that has asked for the stream has ended")

    def receive_status(self, id: StreamId, status: Status) -> None:
        """Close the stream *id*.

        Raises:
            StreamException: the stream is unknown, or bytes are missing.
        """
        stream = self._by_id.get(id)
        if id in self._dropped:
            del self._dropped[id]
        elif stream is None or (stream.is_ended and status is Status.END):
            raise _unknown(id)
        elif status is Status.TERMINATE:
            self._drop(stream, StreamException("the client has terminated the stream"))
        elif stream.received < stream.size:
            error = StreamException(
                f"the stream ended after {stream.received} of {stream.size} bytes"
            )
            self._drop(stream, error)
            raise error
        else:
            self._end(stream)

    def data_read(self, stream: IncomingStream, size: int) -> None:
        """See `Receiving`."""
        if stream in self._open:
            self._count_progress(stream, size)
            self.unread -= size
            if stream.is_closed:
                self._open.remove(stream)
            self._release()

    def incoming_terminated(self, stream: IncomingStream) -> None:
        """See `Receiving`."""
        self._terminate(stream, "the stream was terminated")

    def close(self, error: StreamException) -> None:
        """Make readers raise *error*. A stream that has arrived completely can still be read."""
        self._is_closed = True
        for stream in self._open:
            if isinstance(stream, IncomingStream):
                self._open.remove(stream)
                if not (stream.is_ended and stream.is_taken):
                    stream.fail(error)
        self._by_id.clear()
        self._dropped.clear()
        self._release()

    def _end(self, stream: IncomingStream) -> None:
        stream.end()
        self._open.touch(stream)
        if stream.is_taken:
            self._forget_id(stream)

    def _forget_id(self, stream: IncomingStream) -> None:
        del self._by_id[stream.id]
        if stream.is_closed:
            self._open.remove(stream)

    def _idle(self, stream: IncomingStream) -> None:
        if self._is_paused and not stream.unread:
            return  # another stream blocks the connection
        doing = "read from" if stream.unread else "received for"
        what = f"only {stream.progress} bytes were" if stream.progress else "nothing was"
        seconds = self._limits.timeout
        error = self._fail(stream, f"{what} {doing} the stream for {seconds:g} seconds")
        self._link.report(stream.id, error)

    def _count_progress(self, stream: IncomingStream, size: int) -> None:
        """Restart the idle timer after `_PROGRESS` bytes, so that a client cannot keep *stream*
        open with a few bytes from time to time."""
        stream.progress += size
        if stream.progress >= _PROGRESS or (size and stream.received == stream.size):
            stream.progress = 0
            self._open.touch(stream)

    def _may_be_taken(self, stream: IncomingStream) -> bool:
        """Whether a running call began after *stream* was opened, and so may take it."""
        return not self._link.calls <= stream.earlier_calls

    def _terminate(self, stream: IncomingStream, message: str) -> None:
        if not stream.is_ended and not self._is_closed:
            self._ignore(stream.id)
            self._link.put(status_packet(stream.id, Status.TERMINATE, self._encode))
        self._drop(stream, StreamException(message))

    def _fail(self, stream: IncomingStream, message: str) -> StreamException:
        """Fail *stream*, ignore its further chunks, and return the error."""
        error = StreamException(message)
        if not stream.is_ended:
            self._ignore(stream.id)
        self._drop(stream, error)
        return error

    def _ignore(self, id: StreamId) -> None:
        self._dropped[id] = None
        if len(self._dropped) > self._limits.max_streams:
            del self._dropped[next(iter(self._dropped))]

    def _drop(self, stream: IncomingStream, error: StreamException) -> None:
        if self._by_id.get(stream.id) is stream:
            del self._by_id[stream.id]
        if stream in self._open:
            self._open.remove(stream)
            if stream.is_taken:
                self.unread -= stream.unread
            else:
                self.untaken -= stream.unread
        stream.fail(error)
        self._release()

    @property
    def _is_full(self) -> bool:
        return max(self.unread, self.untaken) > self._limits.window

    def _release(self) -> None:
        if self._is_paused and (self._is_closed or not self._is_full):
            self._is_paused = False
            self._link.resume_reading()


def _unknown(id: object) -> StreamException:
    return StreamException(f"Stream {id!s:.100} is not initialized")
