"""Bodies that are slow, incomplete or too large, and ``Expect: 100-continue``."""

import asyncio
import base64
import gzip
import logging
import zlib

import pytest
from aiohttp.compression_utils import HAS_BROTLI, HAS_ZSTD

from rxkernel import (
    Application,
    BadRequestException,
    PayloadTooLargeException,
    RequestTimeoutException,
)
from tests.servers.conftest import Opened
from tests.servers.raw_http import chunk, post, raw_http
from tests.servers.taking import Taker, part
from tests.waiting import until

JSON = "Content-Type: application/json"
MULTIPART = "Content-Type: multipart/form-data; boundary=x"
CHUNKED = "Transfer-Encoding: chunked"


def actions(application: Application) -> Taker:
    return application.injector.get(Taker)


async def is_served(application: Application) -> None:
    """Another client gets its response."""
    async with raw_http(application) as other:
        await other.send(post("/take", JSON, body=b"[1]"))
        assert (await other.answer()).json == {"body": [1], "size": 3}


@pytest.mark.parametrize(
    ("path", "headers", "begun"),
    [
        pytest.param("/take", ["Content-Length: 9"], b"ab", id="length"),
        pytest.param("/take", ["Content-Length: 9"], b"", id="nothing"),
        pytest.param("/take", [CHUNKED], chunk(b"ab"), id="chunked"),
        pytest.param("/take", [CHUNKED], b"9", id="half-a-chunk-head"),
        pytest.param("/upload", [MULTIPART, "Content-Length: 999"], part("a"), id="form"),
        pytest.param("/stream", ["Content-Length: 9"], b"ab", id="stream"),
        pytest.param(
            "/take",
            ["Content-Encoding: gzip", "Content-Length: 999"],
            gzip.compress(bytes(100_000))[:50],
            id="compressed",
        ),
    ],
)
async def test_body_incomplete_at_the_timeout_is_408_and_closes(
    taker: Opened, path: str, headers: list[str], begun: bytes
) -> None:
    """Apache's mod_reqtimeout; RFC 9110 §15.5.9."""
    application = await taker(body_timeout=0.1)

    async with raw_http(application) as client:
        await client.send(post(path, *headers), begun)
        answer = await client.answer()
        assert (answer.status, answer.json["message"]) == (408, "the body did not arrive in time")
        assert answer.headers["connection"] == "close"
        assert await client.closed() == b""
    await is_served(application)


async def test_body_sent_at_the_minimum_rate_extends_the_timeout(taker: Opened) -> None:
    """Each byte extends the timeout by the time that the minimum rate allows for it."""
    application = await taker(body_timeout=0.5, min_body_rate=20)

    async with raw_http(application) as client:
        await client.send(post("/stream", "Content-Length: 1000"))
        await client.send(b"x" * 10)  # half a second in total
        await until(lambda: actions(application).read == 10)
        await client.send(b"x" * 10)
        await until(lambda: actions(application).read == 20)
        assert (await client.answer()).status == 408
    [failure] = actions(application).failures
    assert isinstance(failure, RequestTimeoutException)


@pytest.mark.parametrize("path", ["/take", "/stream"])
async def test_body_sent_slower_than_the_minimum_rate_is_408(taker: Opened, path: str) -> None:
    application = await taker(body_timeout=0.2)

    async with raw_http(application) as client:
        await client.send(post(path, "Content-Length: 100000"))
        answer = asyncio.create_task(client.answer())
        while not answer.done():
            await client.send(b"x")
            await asyncio.sleep(0.01)  # the pace of the client, not a wait
        assert answer.result().status == 408


async def test_body_timeout_does_not_run_while_the_action_works(taker: Opened) -> None:
    application = await taker(body_timeout=0.5)
    actions(application).may_read.clear()

    async with raw_http(application) as client:
        await client.send(post("/stream", "Content-Length: 4"), b"ab")
        await until(lambda: actions(application).read == 2)
        async with raw_http(application) as slow:  # lasts as long as the timeout
            await slow.send(post("/take", "Content-Length: 1"))
            assert (await slow.answer()).status == 408
        actions(application).may_read.set()
        await is_served(application)  # the action waits for more data by now
        await client.send(b"cd")
        assert (await client.answer()).json == 4


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        pytest.param("/take", ["Content-Length: 9"], id="length"),
        pytest.param("/take", [CHUNKED], id="chunked"),
        pytest.param("/upload", [MULTIPART, CHUNKED], id="form"),
        pytest.param("/stream", [CHUNKED], id="stream"),
    ],
)
async def test_client_disconnect_in_mid_body_logs_one_debug_line(
    taker: Opened, path: str, headers: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Plain aiohttp logs a traceback for each, so any client could flood the log."""
    application = await taker()

    def messages() -> list[str]:
        return [r.getMessage() for r in caplog.records if r.name.startswith("rxkernel.")]

    async with raw_http(application) as client:
        await client.send(post(path, *headers), chunk(part("a")) if CHUNKED in headers else b"a")
    await until(messages)
    await is_served(application)

    assert [text.partition(":")[0] for text in messages()] in (
        ["client disconnected"],
        ["client disconnected in mid-body"],
    )
    assert {r.levelno for r in caplog.records} <= {logging.DEBUG}
    assert all(isinstance(e, BadRequestException) for e in actions(application).failures)


@pytest.mark.parametrize("path", ["/take", "/stream"])
@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(b"zz\r\n", id="size-is-no-number"),
        pytest.param(b"11111111111111111\r\n", id="size-of-17-digits"),
        pytest.param(b"3\r\nabcd\r\n", id="longer-than-its-size"),
        pytest.param(b"-1\r\n", id="negative-size"),
    ],
)
async def test_body_with_a_malformed_chunk_is_400_and_closes(
    taker: Opened, path: str, bad: bytes
) -> None:
    """RFC 9112 §7.1. aiohttp does not report the error to the reader of this body."""
    application = await taker(body_timeout=30.0, keepalive_timeout=1.0)  # checked every 0.1 s

    async with raw_http(application) as client:
        await client.send(post(path, CHUNKED), chunk(b"abc"))
        if path == "/stream":
            await until(lambda: actions(application).read == 3)
        await client.send(bad)
        answer = await client.answer()
        assert (answer.status, answer.headers["connection"]) == (400, "close")
        assert await client.closed() == b""


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
@pytest.mark.parametrize(
    ("path", "limit"), [("/take", 1000), ("/small", 100), ("/large", 100_000), ("/stream", 3000)]
)
async def test_body_over_the_limit_of_its_route_is_413(
    taker: Opened, path: str, limit: int, chunked: bool
) -> None:
    application = await taker(body_limit=1000, upload_limit=3000)

    for size, status in ((limit, 200), (limit + 1, 413)):
        async with raw_http(application) as client:
            data = b"x" * size
            if chunked:
                await client.send(post(path, CHUNKED), chunk(data[:50]), chunk(data[50:]))
                await client.send(b"0\r\n\r\n")
            else:
                await client.send(post(path, body=data))
            answer = await client.answer()
        assert answer.status == status
        if status == 413:
            assert answer.json["message"] == f"the body is larger than {limit} bytes"


@pytest.mark.parametrize("path", ["/take", "/stream", "/upload"])
async def test_content_length_over_the_limit_is_413_before_the_body_arrives(
    taker: Opened, path: str
) -> None:
    application = await taker(body_limit=1000, upload_limit=1000)

    async with raw_http(application) as client:
        await client.send(post(path, MULTIPART, "Content-Length: 1001"))
        assert (await client.answer()).status == 413
    assert actions(application).read == 0


BOMBS = {
    "gzip": gzip.compress(bytes(50_000_000)),
    "deflate": zlib.compress(bytes(50_000_000)),
    "br": base64.b64decode(
        "y///P/gnAOKxQCD3/o///3/wTwDEYRGA7v0f////4J8AiMMCAN37P/7//8E/ARCHBQC693/8//+DfwIgDgsA"
        "dO//8g9eD/8EQBwWAOig6wE="
    ),
    "zstd": bytes.fromhex("28b52ffd0058" + "02001000" * 381 + "03001000"),
}
"""Fifty megabytes of zeros each. The last two are literals: their libraries may be missing."""


@pytest.mark.parametrize("path", ["/take", "/stream", "/upload", "/ignore", "/nowhere"])
@pytest.mark.parametrize("coding", BOMBS, ids=str)
async def test_compressed_body_is_not_decompressed_beyond_the_limit(
    taker: Opened, coding: str, path: str
) -> None:
    """The rest is discarded after the response, without decompression."""
    if not {"br": HAS_BROTLI, "zstd": HAS_ZSTD}.get(coding, True):
        pytest.skip(f"aiohttp finds no library for {coding}")
    application = await taker(upload_limit=1_048_576)
    statuses = {"/ignore": 200, "/nowhere": 404, "/upload": 413}

    async with raw_http(application) as client:
        kind = MULTIPART if path == "/upload" else "Content-Type: application/octet-stream"
        await client.send(post(path, kind, f"Content-Encoding: {coding}", body=BOMBS[coding]))
        assert (await client.answer()).status == statuses.get(path, 413)
        await client.send(post("/take", body=b"123"))
        assert (await client.answer()).json["size"] == 3
    assert actions(application).read <= 1_048_576
    await is_served(application)


EXPECT = "Expect: 100-continue"


@pytest.mark.parametrize("path", ["/take", "/small", "/stream", "/upload"])
async def test_expect_continue_with_a_body_over_the_limit_is_413(taker: Opened, path: str) -> None:
    """RFC 9110 §10.1.1. The next data might be the body or a request, so the server closes."""
    application = await taker(body_limit=1000, upload_limit=1000)

    async with raw_http(application) as client:
        await client.send(post(path, MULTIPART, EXPECT, "Content-Length: 1001"))
        answer = await client.answer()
        assert (answer.status, answer.headers["connection"]) == (413, "close")
        assert await client.closed() == b""


@pytest.mark.parametrize("path", ["/take", "/stream"])
async def test_expect_continue_sends_100_when_the_body_is_read(taker: Opened, path: str) -> None:
    application = await taker()

    async with raw_http(application) as client:
        await client.send(post(path, EXPECT, "Content-Length: 3"))
        assert (await client.answer()).status == 100
        await client.send(b"[1]")
        assert (await client.answer()).status == 200
        await client.send(post(path, body=b"2"))
        assert (await client.answer()).status == 200


@pytest.mark.parametrize("come", [1, 3], ids=["in-part", "whole"])
async def test_expect_continue_with_a_body_that_has_arrived_sends_no_100(
    taker: Opened, come: int
) -> None:
    application = await taker()

    async with raw_http(application) as client:
        await client.send(post("/take", EXPECT, "Content-Length: 3") + b"[1]"[:come])
        await is_served(application)
        await client.send(b"[1]"[come:])
        assert (await client.answer()).status == 200


@pytest.mark.parametrize(("path", "status"), [("/ignore", 200), ("/nowhere", 404)])
async def test_expect_continue_with_an_unread_body_sends_no_100_and_closes(
    taker: Opened, path: str, status: int
) -> None:
    application = await taker()

    async with raw_http(application) as client:
        await client.send(post(path, EXPECT, "Content-Length: 3"))
        assert (await client.answer()).status == status
        assert await client.closed() == b""


@pytest.mark.parametrize("body", [None, b"[1]"], ids=["no-body", "body"])
async def test_expect_with_an_unknown_expectation_is_417(
    taker: Opened, body: bytes | None
) -> None:
    application = await taker()

    async with raw_http(application) as client:
        await client.send(post("/take", "Expect: a miracle", body=body))
        answer = await client.answer()
        assert (answer.status, answer.json["statusCode"]) == (417, 417)


async def test_slow_bodies_are_408_while_others_are_served(taker: Opened) -> None:
    application = await taker(body_timeout=0.2)

    async with (
        raw_http(application) as one,
        raw_http(application) as two,
        raw_http(application) as three,
    ):
        for client in (one, two, three):
            await client.send(post("/take", "Content-Length: 9"), b"a")
        await is_served(application)
        for client in (one, two, three):
            assert (await client.answer()).status == 408


async def test_streamed_body_over_the_limit_raises_in_the_action(taker: Opened) -> None:
    application = await taker(upload_limit=10)

    async with raw_http(application) as client:
        await client.send(post("/stream", CHUNKED), chunk(b"x" * 8))
        await until(lambda: actions(application).read == 8)
        await client.send(chunk(b"x" * 8))
        assert (await client.answer()).status == 413
    [failure] = actions(application).failures
    assert isinstance(failure, PayloadTooLargeException)
