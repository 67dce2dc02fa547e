"""Messages in segments of any size are parsed with few calls of aiohttp's parser."""

import asyncio
import random

import aiohttp
import pytest
from aiohttp import EMPTY_PAYLOAD, StreamReader, http, web
from aiohttp.http_exceptions import HttpProcessingError

from rxkernel.servers.aiohttp.connection.chunked_end import ChunkedEnd
from rxkernel.servers.aiohttp.connection.piecewise_parser import Fed, PiecewiseParser
from tests.servers.hostile_http import head

_QUEUE_SIZE = 32
_HIGH_WATER = 1 << 16
GET = head("Host: x", target="GET /").encode()
CHUNKED = head("Host: x", "Transfer-Encoding: chunked").encode()
SIZED = head("Host: x", "Content-Length: 4").encode() + b"\r\n\r\n"
GARBAGE = b"junk\r\n\r\n"


class CountingParser:
    """aiohttp's parser; counts its calls and bytes."""

    def __init__(self, protocol: "Reading") -> None:
        self._parser = http.HttpRequestParser(
            protocol,
            asyncio.get_running_loop(),
            _HIGH_WATER,
            payload_exception=web.RequestPayloadError,
            max_msg_queue_size=_QUEUE_SIZE,
        )
        self.calls = 0
        self.size = 0
        self.pause_reading = self._parser.pause_reading
        self.message_consumed = self._parser.message_consumed
        self.set_upgraded = self._parser.set_upgraded

    def feed_data(self, data: bytes) -> Fed:
        self.calls += 1
        self.size += len(data)
        return self._parser.feed_data(data)


class Reading(aiohttp.base_protocol.BaseProtocol):
    """What aiohttp's handler does when it reads: feed, pause and resume the parser.

    Attributes:
        resumed: how often the parser was called again after a pause.
        received: the method of each message, its body, and what was read of it.
    """

    def __init__(self) -> None:
        super().__init__(asyncio.get_running_loop())
        self.parser = CountingParser(self)
        self.pieces = PiecewiseParser(self.parser, _QUEUE_SIZE, lambda error: None)
        self.resumed = 0
        self.received: list[tuple[str, StreamReader, list[bytes]]] = []
        self._is_full = False

    def pause_reading(self) -> None:
        self._is_full = True
        self.pieces.pause_reading()

    def feed(self, *segments: bytes) -> None:
        """Feed *segments*; read the bodies and consume the messages as they arrive."""
        for segment in segments:
            self._feed(segment)
            while self._is_full:
                self._is_full = False
                self.resumed += 1
                self._feed(b"")

    def _feed(self, data: bytes) -> None:
        try:
            messages, _, _ = self.pieces.feed_data(data)
            self.received += [(message.method, body, []) for message, body in messages]
            self._is_full |= len(messages) >= _QUEUE_SIZE
            for _ in messages:
                self.pieces.message_consumed()
        finally:
            for _, body, read in self.received:
                if body is not EMPTY_PAYLOAD:
                    read.append(body.read_nowait())

    @property
    def messages(self) -> list[tuple[str, bytes]]:
        return [(method, b"".join(read)) for method, _, read in self.received]


def in_chunks(*chunks: bytes, last: bytes = b"0\r\n\r\n") -> bytes:
    return CHUNKED + b"".join(b"%x\r\n%b\r\n" % (len(c), c) for c in chunks) + last


@pytest.mark.parametrize(
    ("data", "calls"),
    [
        pytest.param(in_chunks(b"\r\n\r\n" * 50_000), 2, id="blank-lines"),
        pytest.param(in_chunks(b"\r\n0\r\n\r\n" * 30_000), 2, id="ends-of-bodies"),
        pytest.param(in_chunks(b"\r\n\r\n" * 50_000)[:-5], 2, id="blank-lines-without-an-end"),
        pytest.param(in_chunks(*[b"\r\n\r\n"] * 10_000), 2, id="tiny-chunks"),
        pytest.param(in_chunks(b"a", last=b'0;a="b"\r\n\r\n'), 2, id="extension"),
        pytest.param(b"\r\n\r\n" * 50_000, 1, id="empty-lines"),
        pytest.param(b"\r\n\r\n" * 50_000 + GET, 1, id="empty-lines-before-a-head"),
        pytest.param(b"\r\n\r\n" * 50_000 + GET + b"\r\n" * 9 + GET, 2, id="two-heads"),
        pytest.param((SIZED + b"\r\n\r\n" * 9) * 30, 61, id="bodies-with-a-length"),
    ],
)
async def test_parser_is_called_once_for_each_head_and_body(data: bytes, calls: int) -> None:
    reading = Reading()

    reading.feed(data)

    assert reading.parser.calls - reading.resumed == calls
    assert reading.parser.size == len(data)


async def test_parser_blank_lines_in_segments_is_called_once_for_each() -> None:
    reading = Reading()
    data = in_chunks(b"\r\n\r\n" * 100_000)
    segments = [data[start : start + 10_000] for start in range(0, len(data), 10_000)]

    reading.feed(*segments)

    assert reading.parser.calls - reading.resumed == len(segments) + 1
    assert reading.messages == [("POST", b"\r\n\r\n" * 100_000)]


@pytest.mark.parametrize(
    "last",
    [
        b"0\r\n\r\n",
        b"000\r\n\r\n",
        b"0" * 40 + b"\r\n\r\n",
        b'0;a;b=c;d="\\"0"\r\n\r\n',
        b"0;" + b"a" * 50 + b"\r\n\r\n",
        b"0\r\nA: b\r\n\r\n",
        b"0\r\nA: b\r\n0: " + b"c" * 50 + b"\r\n\r\n",
    ],
)
async def test_chunked_body_valid_end_is_found_at_any_segmentation(last: bytes) -> None:
    body = in_chunks(b"\r\n\r\n", b"0\r\n\r\n", b"a" * 20, last=last)
    body = body.replace(b"\r\n14\r\n", b"\r\n" + b"0" * 30 + b"14;x=y\r\n")
    data = body + GET + GARBAGE

    for cut in range(1, len(body + GET)):
        reading = Reading()
        reading.feed(data[:cut], data[cut:])
        assert reading.messages == [("POST", b"\r\n\r\n0\r\n\r\n" + b"a" * 20), ("GET", b"")]
    end = ChunkedEnd()
    found = [end.find(data[at : at + 1], 0) for at in range(len(CHUNKED), len(body))]
    assert found == [-1] * (len(found) - 1) + [1]


async def test_parser_random_messages_before_garbage_are_all_found() -> None:
    rnd = random.Random(1)
    messages = {
        GET: ("GET", b""),
        b"\r\n\r\n\r\n" + GET: ("GET", b""),
        SIZED: ("POST", b"\r\n\r\n"),
        in_chunks(): ("POST", b""),
        in_chunks(GET, SIZED): ("POST", GET + SIZED),
        in_chunks(b"\r\n\r\n" * 9, last=b"0;x\r\nA: b\r\n\r\n"): ("POST", b"\r\n\r\n" * 9),
    }
    for _ in range(300):
        sent = rnd.choices(list(messages), k=rnd.randint(1, 6))
        data = b"".join(sent) + GARBAGE
        cuts = sorted(rnd.sample(range(1, len(data)), rnd.randint(0, 5)))
        reading = Reading()

        with pytest.raises(HttpProcessingError):
            reading.feed(
                *(data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)), b""
            )

        assert reading.messages == [messages[message] for message in sent]


async def test_parser_paused_in_a_body_finds_the_messages_after_it() -> None:
    """The parser keeps what it did not read of a segment when it is paused."""
    reading = Reading()
    large = in_chunks(*[b"a" * 1000] * 200)

    reading.feed(large + GET + SIZED + GARBAGE)

    assert [method for method, _ in reading.messages] == ["POST", "GET", "POST"]
    assert reading.messages[0][1] == b"a" * 200_000
    assert isinstance(reading.pieces.error, HttpProcessingError)
