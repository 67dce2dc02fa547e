"""aiohttp's parser, fed one message at a time.

aiohttp's parser drops a whole segment if a part of it is malformed, and all data after an upgrade
that it does not know. So a segment is cut after each head and each body: a client that sends a
valid message gets its response, whatever follows in the same segment.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from aiohttp import EMPTY_PAYLOAD, StreamReader, hdrs, web
from aiohttp.http_exceptions import HttpProcessingError

from rxkernel.servers.aiohttp.connection.chunked_end import ChunkedEnd

_BLANK_LINE = b"\r\n\r\n"
"""The end of a head."""

_EMPTY_LINES = re.compile(rb"[\r\n]*")
"""Line ends, which are ignored before a head (RFC 9112 §2.2)."""

Parsed = tuple[Any, StreamReader]
"""A head and its body."""

Fed = tuple[Sequence[Parsed], bool, bytes]
"""New messages; whether the last one is an upgrade; the data that follows the upgrade."""


class Parser(Protocol):
    """The methods of aiohttp's parser that its handler calls."""

    def feed_data(self, data: bytes) -> Fed: ...

    def pause_reading(self) -> None: ...

    def message_consumed(self) -> None: ...

    def set_upgraded(self, val: bool) -> None: ...


class PiecewiseParser:
    """Takes the place of *parser* in aiohttp's handler.

    Args:
        queue_size: the number of messages at which the handler stops reading.
        fail: called with the error if a body turns out to be malformed. Its reader gets an error.

    Attributes:
        error: the error in the data after the last messages. The next call of `feed_data` raises
            it.
    """

    def __init__(
        self, parser: Parser, queue_size: int, fail: Callable[[HttpProcessingError], None]
    ) -> None:
        self._parser = parser
        self._queue_size = queue_size
        self._queued = 0
        self._fail = fail
        self._held = b""  # not parsed yet: reading is paused
        self._tail = b""  # the end of an incomplete head, which may begin a blank line
        self._missing = 0  # bytes of a body with Content-Length
        self._chunks: ChunkedEnd | None = None
        self._body: StreamReader = EMPTY_PAYLOAD
        self._is_paused = False
        self.error: Exception | None = None

    def feed_data(self, data: bytes) -> Fed:
        """Parse *data* as aiohttp does; an error after messages is raised by the next call."""
        if (  # one head, as most segments are
            data.find(_BLANK_LINE) + 4 == len(data)
            and self._body is EMPTY_PAYLOAD
            and not (self._missing or self._held or self._tail)
            and self.error is None
        ):
            fed = self._parser.feed_data(data)
            if fed[0]:
                self._begin(fed[0])
            return fed
        if self.error is not None:
            error, self.error = self.error, None
            raise error
        data, self._held = self._held + data, b""
        found: list[Parsed] = []
        # the parser keeps data when it is paused in a body: that data comes first
        begin, end = 0, 0 if self._is_paused else self._end_of_piece(data, 0)
        self._is_paused = False
        while True:
            piece = data[begin:end]
            try:
                messages, is_upgraded, tail = self._parser.feed_data(piece)
            except Exception as exc:
                if self._is_body_failed(exc):
                    return found, False, b""
                if not found:
                    raise
                self.error = exc
                return found, False, b""
            if messages:
                self._begin(messages)
                found += messages
            if is_upgraded:
                return found, True, tail + data[end:]
            if end == len(data):
                return found, False, b""
            if self._is_paused or self._queued >= self._queue_size:
                self._held = data[end:]
                return found, False, b""
            begin, end = end, self._end_of_piece(data, end)

    def _end_of_piece(self, data: bytes, begin: int) -> int:
        """Return the end of the current head or body, which continues at *begin*, or of *data*."""
        if self._missing:
            end = min(begin + self._missing, len(data))
            self._missing -= end - begin
            return end
        if self._chunks is None:
            return self._end_of_head(data, begin)
        end = self._chunks.find(data, begin)
        if end == -1:
            return len(data)
        self._chunks = None
        return end

    def _end_of_head(self, data: bytes, begin: int) -> int:
        known = len(self._tail)
        if not known and (empty := _EMPTY_LINES.match(data, begin)):
            begin = empty.end()
        edge = self._tail + data[begin : begin + 3]
        in_edge, found = edge.find(_BLANK_LINE), data.find(_BLANK_LINE, begin)
        if in_edge == found == -1:
            self._tail = (edge if len(data) < begin + 3 else data)[-3:]
            return len(data)
        self._tail = b""
        return (found if in_edge == -1 else begin - known + in_edge) + len(_BLANK_LINE)

    def _begin(self, messages: Sequence[Parsed]) -> None:
        self._queued += len(messages)
        head, self._body = messages[-1]
        if self._body is EMPTY_PAYLOAD:
            return
        if head.chunked:
            self._chunks = ChunkedEnd()
        else:
            self._missing = int(head.headers.get(hdrs.CONTENT_LENGTH, 0))

    def _is_body_failed(self, exc: Exception) -> bool:
        """Whether *exc* is an error in a body; the reader of the body gets it, and responds."""
        body = self._body
        if body.is_eof() or not isinstance(exc, HttpProcessingError):
            return False
        self._fail(exc)
        failure = web.RequestPayloadError(exc.message)
        failure.__cause__ = exc
        body.set_exception(failure)
        body.feed_eof()
        return True

    def pause_reading(self) -> None:
        self._is_paused = True
        self._parser.pause_reading()

    def message_consumed(self) -> None:
        self._queued -= 1
        self._parser.message_consumed()

    def set_upgraded(self, val: bool) -> None:
        self._parser.set_upgraded(val)
