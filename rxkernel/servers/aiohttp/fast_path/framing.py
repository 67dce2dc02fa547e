"""Splits the data of a connection into messages, with aiohttp's own parser."""

import asyncio
import re
from collections.abc import Sequence
from typing import Protocol

import aiohttp
import msgspec
from aiohttp import EMPTY_PAYLOAD, HttpVersion, StreamReader, hdrs, http, web
from aiohttp.http_exceptions import HttpProcessingError
from multidict import CIMultiDictProxy
from yarl import URL

from rxkernel.messages.disconnect_callbacks import Callback
from rxkernel.servers.aiohttp.connection.registry import HeadLimits

_END_OF_HEAD = b"\r\n\r\n"
_EMPTY_LINES = re.compile(rb"[\r\n]+")
"""Line ends, which are ignored after a message (RFC 9112 §2.2)."""

_NEVER_FULL = 1 << 30
"""Bytes of a body at which its reader asks to pause reading; more than any whole body has."""

_MALFORMED = (HttpProcessingError, IndexError, ValueError)
"""Exceptions of the parser for a malformed message; yarl raises the last two for a target."""

IN_PIECES = "fast path: message in pieces"
CHUNKED = "fast path: chunked body"
UPGRADE = "fast path: upgrade"
MALFORMED = "fast path: malformed message"
AFTER_LAST = "fast path: data after the last message"
"""The counters of the data that the framer passes to aiohttp."""

# The names of `aiohttp.http` and `aiohttp.base_protocol` are looked up when a connection is
# accepted, not at import: where one is missing, `compatibility` turns the fast path off, and the
# server runs.
Parsed = tuple["http.RawRequestMessage", StreamReader]
"""One result of aiohttp's parser: a head and its body."""


class Message(msgspec.Struct, eq=False):  # one for each request; a Struct is created in C
    """A request that has arrived as a whole; a `RequestHead` too.

    Attributes:
        parsed, payload: the results of aiohttp's parser; `native` reads the payload to its end.
        body: the whole payload, as it was received.
        raw: the whole message, as it was received.
        connection: the connection that received it.
        method, raw_path, rel_url, version, headers: copied from *parsed*; read several times.
        cached_native: the request that `native` has made.
        sent_target: the received target, if `rewrite` has replaced it.
    """

    parsed: "http.RawRequestMessage"
    payload: StreamReader
    body: bytes
    raw: bytes
    connection: "ConnectionHandle"
    method: str
    raw_path: str
    rel_url: URL
    version: HttpVersion
    headers: CIMultiDictProxy[str]
    cached_native: web.Request | None = None
    sent_target: str | None = None

    @property
    def transport(self) -> asyncio.Transport | None:
        return self.connection.transport

    def native(self) -> web.Request:
        """aiohttp's request for the message, made at the first call."""
        if self.cached_native is None:
            self.cached_native = self.connection.native(self)
        return self.cached_native

    def when_disconnected(self, callback: Callback) -> Callback:
        return self.connection.when_disconnected(callback)

    def rewrite(self, target: str, url: URL) -> None:
        """Replace the received target with *target*, whose URL is *url*."""
        self.sent_target = self.raw_path
        self.raw_path, self.rel_url = target, url
        self.parsed = self.parsed._replace(path=target, url=url)


class ConnectionHandle(Protocol):
    """The connection of a message."""

    @property
    def transport(self) -> asyncio.Transport | None:
        """None once the connection is closed."""

    def native(self, message: Message) -> web.Request:
        """aiohttp's request for *message*, which the current task handles."""

    def when_disconnected(self, callback: Callback) -> Callback:
        """See `Request.when_disconnected`."""


class PartialMessage:
    """A part of a message that arrives in pieces; *is_last* if the message ends with it."""

    __slots__ = ("is_last", "raw")

    def __init__(self, raw: bytes, *, is_last: bool) -> None:
        self.raw = raw
        self.is_last = is_last


class Unframed:
    """Data without known message boundaries; all data after it is unframed too.

    *reason* is the name of the counter for it.
    """

    __slots__ = ("raw", "reason")

    def __init__(self, raw: bytes, reason: str) -> None:
        self.raw = raw
        self.reason = reason


Frame = Message | PartialMessage | Unframed


class _UnframedError(Exception):
    """*reason*: see `Unframed`."""

    def __init__(self, reason: str) -> None:
        self.reason = reason


class MessageFramer:
    """Splits the received data of one connection into messages.

    A message ends after its head and as many bytes as its ``Content-Length``; the parser reads
    both. Upgrades, malformed messages, and chunked messages in several segments are unframed.
    """

    __slots__ = ("_connection", "_is_last", "_limits", "_loop", "_missing", "_parser", "_tail")

    def __init__(
        self,
        connection: "ConnectionHandle",
        loop: asyncio.AbstractEventLoop,
        limits: HeadLimits,
    ) -> None:
        self._connection = connection
        self._loop = loop
        self._limits = limits
        self._parser: http.HttpRequestParser | None = None
        self._missing = 0  # bytes of a body
        self._is_last = False
        self._tail = b""  # the end of an incomplete head

    def feed(self, data: bytes) -> Message | Sequence[Frame]:
        """Return the frames of *data*; the message itself if *data* is exactly one. No frame
        follows an `Unframed` one.

        aiohttp drops all messages of a segment that has a malformed one, so the whole segment is
        unframed.
        """
        is_begun = self._missing or self._tail
        # most segments are one message that ends with a blank line: without a body, or chunked
        if not is_begun and data.endswith(_END_OF_HEAD):
            if (parser := self._parser) is None:
                parser = self._parser = self._new_parser()
            try:
                messages = parser.feed_data(data)[0]
            except _MALFORMED:
                return [Unframed(data, MALFORMED)]
            if len(messages) == 1:
                parsed, payload = messages[0]
                if payload is EMPTY_PAYLOAD and not parsed.upgrade:
                    return Message(
                        parsed,
                        payload,
                        b"",
                        data,
                        self._connection,
                        parsed.method,
                        parsed.path,
                        parsed.url,
                        parsed.version,
                        parsed.headers,
                    )
                if parsed.chunked and payload.is_eof() and (body := payload.read_nowait()):
                    return _message(parsed, payload, body, data, self._connection)
            self._parser = None  # it has read beyond the first head
        try:
            return self._feed(data, is_begun=bool(is_begun))
        except _UnframedError as exc:
            return [Unframed(data, exc.reason)]

    def _feed(self, data: bytes, *, is_begun: bool) -> Message | Sequence[Frame]:
        frames: list[Frame] = []
        at = 0
        end = data.find(_END_OF_HEAD) + 4
        if end != 3 and not (is_begun or self._is_last):
            parsed, payload = self._read_head(data[:end])
            if payload is not EMPTY_PAYLOAD:
                body = data[end:]
                if _length(parsed) == len(body):
                    self._skip(body)
                    return _message(parsed, payload, body, data, self._connection)
            at = self._after_head(parsed, payload, data, 0, end, frames)
        # positions, not slices of the rest: a segment may have thousands of messages
        while at < len(data):
            if self._missing:
                at = self._continue_body(data, at, frames)
            elif self._tail:
                at = self._continue_head(data, frames)
            else:
                at = self._begin_message(data, at, frames)
        return frames

    def _begin_message(self, data: bytes, begin: int, frames: list[Frame]) -> int:
        """Frame the message that begins at *begin*; return the end of the data that was read."""
        if self._is_last:
            raise _UnframedError(AFTER_LAST)
        if frames and (empty := _EMPTY_LINES.match(data, begin)):
            self._skip(empty[0])
            return empty.end()
        end = data.find(_END_OF_HEAD, begin) + 4
        if end == 3:
            rest = data[begin:]
            self._skip(rest)
            self._tail = rest[-3:]
            frames.append(PartialMessage(rest, is_last=False))
            return len(data)
        parsed, payload = self._read_head(data[begin:end])
        return self._after_head(parsed, payload, data, begin, end, frames)

    def _after_head(
        self,
        parsed: "http.RawRequestMessage",
        payload: StreamReader,
        data: bytes,
        begin: int,
        end: int,
        frames: list[Frame],
    ) -> int:
        """Frame the message at *begin* whose head was read up to *end*; return its end."""
        whole = end if payload is EMPTY_PAYLOAD else end + _length(parsed)
        if len(data) < whole:
            self._await_body(parsed, whole - len(data))
            frames.append(PartialMessage(data[begin:], is_last=False))
            return len(data)
        if body := data[end:whole]:
            self._skip(body)
        frames.append(_message(parsed, payload, body, data[begin:whole], self._connection))
        return whole

    def _continue_head(self, data: bytes, frames: list[Frame]) -> int:
        """Continue the head that the data before has begun."""
        known = len(self._tail)
        text = self._tail + data
        end = text.find(_END_OF_HEAD) + 4 - known
        if end == 3 - known:
            self._skip(data)
            self._tail = text[-3:]
            frames.append(PartialMessage(data, is_last=False))
            return len(data)
        parsed, payload = self._read_head(data[:end])
        self._tail = b""
        if payload is not EMPTY_PAYLOAD:
            self._await_body(parsed, _length(parsed))
        frames.append(PartialMessage(data[:end], is_last=payload is EMPTY_PAYLOAD))
        return end

    def _continue_body(self, data: bytes, begin: int, frames: list[Frame]) -> int:
        part = data[begin : begin + self._missing]
        self._missing -= len(part)
        frames.append(PartialMessage(part, is_last=not self._missing))
        return begin + len(part)

    def _await_body(self, parsed: "http.RawRequestMessage", size: int) -> None:
        """Count *size* missing bytes, without the parser, which would store them."""
        self._missing = size
        self._parser = None
        self._is_last = bool(parsed.should_close)

    def _read_head(self, data: bytes) -> Parsed:
        """Parse *data*, which ends with a head."""
        messages = self._parse(data)
        if len(messages) != 1:
            raise _UnframedError(MALFORMED)
        parsed, payload = messages[0]
        if parsed.upgrade:
            raise _UnframedError(UPGRADE)
        if payload is not EMPTY_PAYLOAD:
            if parsed.chunked:
                raise _UnframedError(CHUNKED)
            if payload.total_bytes:
                raise _UnframedError(MALFORMED)
        return parsed, payload

    def _skip(self, data: bytes) -> None:
        """Parse *data*, which completes no head."""
        if self._parse(data):
            raise _UnframedError(MALFORMED)

    def _parse(self, data: bytes) -> Sequence[Parsed]:
        if (parser := self._parser) is None:
            parser = self._parser = self._new_parser()
        try:
            return parser.feed_data(data)[0]
        except _MALFORMED as exc:
            raise _UnframedError(MALFORMED) from exc

    def _new_parser(self) -> "http.HttpRequestParser":
        """Return a parser with the limits of the settings. `_NEVER_FULL` prevents it from pausing
        the protocol."""
        loop = self._loop
        return http.HttpRequestParser(
            aiohttp.base_protocol.BaseProtocol(loop),
            loop,
            _NEVER_FULL,
            payload_exception=web.RequestPayloadError,
            auto_decompress=False,  # aiohttp would not limit the size of decompressed bodies
            **self._limits,
        )


def _length(parsed: "http.RawRequestMessage") -> int:
    """The length of the body; the parser has checked that it is a number."""
    return int(parsed.headers[hdrs.CONTENT_LENGTH])


def _message(
    parsed: "http.RawRequestMessage",
    payload: StreamReader,
    body: bytes,
    raw: bytes,
    connection: ConnectionHandle,
) -> Message:
    return Message(
        parsed,
        payload,
        body,
        raw,
        connection,
        parsed.method,
        parsed.path,
        parsed.url,
        parsed.version,
        parsed.headers,
    )
