"""The streams of one connection, in both directions."""

import asyncio
from collections.abc import Mapping
from typing import Any

from bundles.metacom.dialect import Dialect, Id
from bundles.metacom.packets import Encode
from bundles.metacom.streams.chunks import StreamId, check_id, decode_chunk
from bundles.metacom.streams.incoming import IncomingStream
from bundles.metacom.streams.incoming_streams import IncomingStreams
from bundles.metacom.streams.limits import StreamLimits
from bundles.metacom.streams.link import Link, Loop
from bundles.metacom.streams.open_streams import OpenStreams
from bundles.metacom.streams.outgoing import OutgoingStream
from bundles.metacom.streams.outgoing_streams import Caller, OutgoingStreams
from bundles.metacom.streams.packets import Opening, Status, read_stream_packet
from bundles.metacom.streams.stream_exception import StreamException
from rxkernel import HttpException


class Streams:
    """The streams of one connection. Errors of the client are sent to it through *link*, with the
    id of the stream."""

    def __init__(self, link: Link, limits: StreamLimits, loop: Loop, encode: Encode) -> None:
        self._open = open_streams = OpenStreams(limits, loop)
        self._link = link
        self._incoming = IncomingStreams(link, limits, open_streams, encode)
        self._outgoing = OutgoingStreams(link, limits, open_streams, encode, self.call_ended)
        self._is_closed = False

    @property
    def unread(self) -> int:
        """The number of received but unread bytes."""
        return self._incoming.unread + self._incoming.untaken

    @property
    def are_open(self) -> bool:
        """Whether a stream is open, in either direction."""
        return bool(self._open)

    @property
    def pipes(self) -> set["asyncio.Task[None]"]:
        """The running tasks of `OutgoingStream.pipe`."""
        return set(self._outgoing.pipes.values())

    def take(self, id: object, caller: Caller = None) -> IncomingStream:
        """Return the stream that the client has opened as *id*. If it is not read to its end, it
        is terminated when the task *caller* and each `pipe` of it have ended.

        Raises:
            StreamException: the stream is unknown, or has failed.
        """
        return self._incoming.take(id, caller)

    def create(
        self, name: str, size: int, dialect: Dialect, caller: Caller = None
    ) -> OutgoingStream:
        """Open a stream to the client. Its `pipe` waits for the task *caller*.

        Raises:
            ValueError: *name* is empty, or *size* is invalid.
            TooManyRequestsException: the connection has too many open streams.
            StreamException: the connection is closed.
        """
        if self._is_closed:
            raise StreamException("the connection is closed")
        return self._outgoing.create(name, size, dialect, caller)

    def receive_packet(self, packet: Mapping[str, Any], id: Id, dialect: Dialect) -> None:
        """Handle a packet of the type ``stream``."""
        if self._is_closed:
            return
        try:
            self._receive(_stream_id(id, dialect), read_stream_packet(packet))
        except HttpException as exc:
            self._link.report(id, exc)

    def receive_chunk(self, chunk: bytes, dialect: Dialect) -> bool:
        """Handle a binary message.

        Returns:
            False if it is invalid; the error was sent.
        """
        if self._is_closed:
            return True
        id: StreamId | None = None
        try:
            id, data = decode_chunk(chunk, dialect)
            self._incoming.receive(id, data)
        except HttpException as exc:
            self._link.report(id, exc)
            return False
        return True

    def call_ended(self, caller: asyncio.Task[Any]) -> None:
        """Close the streams of a call that has ended. Also called when a pipe of it ends later."""
        if not self._outgoing.has_pipe_of(caller):
            self._incoming.terminate_taken(caller)
        self._incoming.fail_untaken()

    def close(self) -> None:
        """Handle the end of the connection: readers and writers raise at once. A stream that has
        arrived completely can still be read."""
        self._is_closed = True
        error = StreamException("the connection is closed")
        self._incoming.close(error)
        self._outgoing.close(error)

    def _receive(self, id: StreamId, content: Opening | Status) -> None:
        if isinstance(content, Opening):
            if id in self._outgoing:
                raise StreamException(f"Stream {id}/{content.name:.100} is already initialized")
            self._incoming.open(id, content)
        elif content is Status.TERMINATE and id in self._outgoing:
            self._outgoing.terminated(id)
        else:
            self._incoming.receive_status(id, content)


def _stream_id(id: Id, dialect: Dialect) -> StreamId:
    try:
        return check_id(id, dialect)
    except ValueError as exc:
        raise StreamException(str(exc)) from None
