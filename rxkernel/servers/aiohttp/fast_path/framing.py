"""Where the messages of a connection begin and end, as aiohttp's own parser reads them."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

import msgspec
from aiohttp import EMPTY_PAYLOAD, HttpVersion, StreamReader, hdrs, web
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http import HttpRequestParser, RawRequestMessage
from multidict import CIMultiDictProxy
from yarl import URL

_END_OF_HEAD = b"\r\n\r\n"
_EMPTY_LINES = b"\r\n"

_WHOLE = 1 << 30
"""Bytes that a body may have before its reader asks to pause: none that came at once has."""


class Message(msgspec.Struct, eq=False):  # one for each request: C makes it
    """A request that has arrived as a whole; a `RequestHead` too.

    Attributes:
        parsed, payload: what aiohttp's parser made of it; nobody has read the payload.
        body: all of the payload, as it came.
        raw: all of the message, as it came.
        line: the connection that brought it.
        method, raw_path, rel_url, version, headers: those of *parsed*, each read several times.
        made: what `native` has made.
    """

    parsed: RawRequestMessage
    payload: StreamReader
    body: bytes
    raw: bytes
    line: "Line"
    method: str
    raw_path: str
    rel_url: URL
    version: HttpVersion
    headers: CIMultiDictProxy[str]
    made: web.Request | None = None

    @property
    def transport(self) -> asyncio.Transport | None:
        return self.line.transport

    def native(self) -> web.Request:
        """aiohttp's request for it, made when somebody asks."""
        if self.made is None:
            self.made = self.line.native(self)
        return self.made


class Line(Protocol):
    """The connection of a message."""

    @property
    def transport(self) -> asyncio.Transport | None:
        """None once it is lost."""

    def native(self, message: Message) -> web.Request:
        """aiohttp's request for *message*, which runs in the current task."""


class PartialMessage:
    """A part of a message that comes in several; *is_last* ends it."""

    __slots__ = ("is_first", "is_last", "raw")

    def __init__(self, raw: bytes, *, is_first: bool, is_last: bool) -> None:
        self.raw = raw
        self.is_first = is_first
        self.is_last = is_last


class Unframed:
    """What only aiohttp may tell the end of, if it has one, and so all that comes behind."""

    __slots__ = ("raw",)

    def __init__(self, raw: bytes) -> None:
        self.raw = raw


Cut = Message | PartialMessage | Unframed


class _UnclearError(Exception):
    pass


class MessageFramer:
    """Cuts what one connection brings.

    A message ends with its head, or as many bytes behind it as ``Content-Length`` says; the
    parser has the last word on both. Chunks, upgrades, errors are unclear.
    """

    __slots__ = ("_is_last", "_line", "_loop", "_owed", "_parser", "_tail")

    def __init__(self, line: "Line", loop: asyncio.AbstractEventLoop) -> None:
        self._line = line
        self._loop = loop
        self._parser: HttpRequestParser | None = None
        self._owed = 0
        self._is_last = False
        self._tail = b""  # the end of a head that is not all here

    def cut(self, data: bytes) -> Message | Sequence[Cut]:
        """*data* in parts, or as the one message that it is; once one was unclear, ask no more.

        aiohttp drops what came in one segment with an error, so here all of it is unclear.
        """
        end = data.find(_END_OF_HEAD) + 4
        is_begun = self._owed or self._tail
        if end == len(data) and not is_begun:
            try:  # as most are, so this is `_feed_head` written out, but for what cannot be here
                if (parser := self._parser) is None:
                    parser = self._parser = self._new_parser()
                ((parsed, payload),) = parser.feed_data(data)[0]
                if parsed.upgrade or parsed.chunked:
                    return [Unframed(data)]
                if payload is EMPTY_PAYLOAD:
                    return Message(
                        parsed,
                        payload,
                        b"",
                        data,
                        self._line,
                        parsed.method,
                        parsed.path,
                        parsed.url,
                        parsed.version,
                        parsed.headers,
                    )
                self._await_body(parsed, _length(parsed))
            except Exception:
                return [Unframed(data)]
            return [PartialMessage(data, is_first=True, is_last=False)]
        cuts: list[Cut] = []
        rest = data
        try:
            if end != 3 and not (is_begun or self._is_last):
                parsed, payload = self._feed_head(data[:end])
                if payload is not EMPTY_PAYLOAD and end + _length(parsed) == len(data):
                    body = data[end:]
                    self._feed_silently(body)
                    return _message(parsed, payload, body, data, self._line)
                rest = self._after_head(parsed, payload, data, end, cuts)
            while rest:
                if self._owed:
                    rest = self._more_of_a_body(rest, cuts)
                elif self._tail:
                    rest = self._more_of_a_head(rest, cuts)
                else:
                    rest = self._message(rest, cuts)
        except Exception:  # aiohttp meets it too, and tells
            return [Unframed(data)]
        return cuts

    def _message(self, data: bytes, cuts: list[Cut]) -> bytes:
        """Cut what begins at a boundary; what is left of *data* is returned."""
        if self._is_last:
            raise _UnclearError
        end = data.find(_END_OF_HEAD) + 4
        if cuts and data[:1] in (b"\r", b"\n"):
            return self._without_empty_lines(data)
        if end == 3:
            self._feed_silently(data)
            self._tail = data[-3:]
            cuts.append(PartialMessage(data, is_first=True, is_last=False))
            return b""
        parsed, payload = self._feed_head(data[:end])
        return self._after_head(parsed, payload, data, end, cuts)

    def _after_head(
        self,
        parsed: RawRequestMessage,
        payload: StreamReader,
        data: bytes,
        end: int,
        cuts: list[Cut],
    ) -> bytes:
        """Cut what begins with a head that is read up to *end*; what is left is returned."""
        whole = end if payload is EMPTY_PAYLOAD else end + _length(parsed)
        if len(data) < whole:
            self._await_body(parsed, whole - len(data))
            cuts.append(PartialMessage(data, is_first=True, is_last=False))
            return b""
        if body := data[end:whole]:
            self._feed_silently(body)
        cuts.append(_message(parsed, payload, body, data[:whole], self._line))
        return data[whole:]

    def _without_empty_lines(self, data: bytes) -> bytes:
        """Those behind a message are nothing (RFC 9112 §2.2)."""
        rest = data.lstrip(_EMPTY_LINES)
        self._feed_silently(data[: len(data) - len(rest)])
        return rest

    def _more_of_a_head(self, data: bytes, cuts: list[Cut]) -> bytes:
        known = len(self._tail)
        text = self._tail + data
        end = text.find(_END_OF_HEAD) + 4 - known
        if end == 3 - known:
            self._feed_silently(data)
            self._tail = text[-3:]
            cuts.append(PartialMessage(data, is_first=False, is_last=False))
            return b""
        parsed, payload = self._feed_head(data[:end])
        self._tail = b""
        if payload is not EMPTY_PAYLOAD:
            self._await_body(parsed, _length(parsed))
        cuts.append(PartialMessage(data[:end], is_first=False, is_last=payload is EMPTY_PAYLOAD))
        return data[end:]

    def _more_of_a_body(self, data: bytes, cuts: list[Cut]) -> bytes:
        part = data[: self._owed]
        self._owed -= len(part)
        cuts.append(PartialMessage(part, is_first=False, is_last=not self._owed))
        return data[len(part) :]

    def _await_body(self, parsed: RawRequestMessage, size: int) -> None:
        """Count the *size* bytes that are to come; the parser would keep them all."""
        self._owed = size
        self._parser = None
        self._is_last = bool(parsed.should_close)

    def _feed_head(self, data: bytes) -> tuple[RawRequestMessage, StreamReader]:
        """What the parser reads in *data*, one head to its end."""
        parser = self._parser
        if parser is None:
            self._parser = parser = self._new_parser()
        messages = parser.feed_data(data)[0]
        if len(messages) != 1:
            raise _UnclearError
        parsed, payload = messages[0]
        if parsed.upgrade or parsed.chunked or payload.total_bytes:
            raise _UnclearError
        return parsed, payload

    def _feed_silently(self, data: bytes) -> None:
        if self._parser is None:
            self._parser = self._new_parser()
        if self._parser.feed_data(data)[0]:
            raise _UnclearError

    def _new_parser(self) -> HttpRequestParser:
        """One with aiohttp's limits. The protocol that it could ask to pause is nobody's, but
        `_WHOLE` keeps it from that."""
        loop = self._loop
        return HttpRequestParser(
            BaseProtocol(loop), loop, _WHOLE, payload_exception=web.RequestPayloadError
        )


def _length(parsed: RawRequestMessage) -> int:
    """The length of a body, which the parser has found to be a number."""
    return int(parsed.headers[hdrs.CONTENT_LENGTH])


def _message(
    parsed: RawRequestMessage, payload: StreamReader, body: bytes, raw: bytes, line: Line
) -> Message:
    head = (parsed.method, parsed.path, parsed.url, parsed.version, parsed.headers)
    return Message(parsed, payload, body, raw, line, *head)
