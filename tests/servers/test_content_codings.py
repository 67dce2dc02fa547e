"""Compressed bodies over real connections: whole, in segments and chunked."""

import asyncio
import gzip
import logging
import os
from collections.abc import Callable
from contextlib import suppress
from itertools import product
from typing import Any

import pytest
from aiohttp import web
from injector import inject

from rxkernel import Bundle, HttpServer
from tests.servers.conftest import Opened, Serve
from tests.servers.http.test_decompression import COMPRESSED, coding_of, with_codings
from tests.servers.raw_http import Answer, RawHttp, chunk, post, raw_http
from tests.servers.taking import Taker, part

_TEXT = b"0123456789" * 20_000
_MULTIPART = "Content-Type: multipart/form-data; boundary=x"
_FORM = part("f", _TEXT, filename="a.txt") + b"--x--\r\n"
_WAYS = ("whole", "segments", "chunks", "chunks in one segment")

with_paths = pytest.mark.parametrize("path", ["/take", "/stream", "/upload"])


async def send(client: RawHttp, path: str, name: str, body: bytes, way: str) -> Answer:
    """The response to *body*, which is compressed already."""
    kind = _MULTIPART if path.endswith("/upload") else "Content-Type: application/octet-stream"
    headers = (kind, f"Content-Encoding: {coding_of(name)}")
    chunked = post(path, *headers, "Transfer-Encoding: chunked")
    middle = len(body) // 2
    if way == "whole":
        await client.send(post(path, *headers, body=body))
    elif way == "segments":
        head = post(path, *headers, f"Content-Length: {len(body)}")
        await client.send(head, body[:middle], b"", body[middle:])
    elif way == "chunks":
        await client.send(chunked, chunk(body[:middle]), chunk(body[middle:]), b"0\r\n\r\n")
    else:
        await client.send(chunked + chunk(body) + b"0\r\n\r\n")
    return await client.answer()


def body_for(path: str) -> bytes:
    return _FORM if path == "/upload" else _TEXT


def size_of(answer: Answer) -> Any:
    content = answer.json
    if isinstance(content, dict):
        return content["files"][0][3] if "files" in content else content["size"]
    return content


@with_codings
@with_paths
async def test_compressed_body_is_decompressed(taker: Opened, name: str, path: str) -> None:
    application = await taker()
    data = COMPRESSED[name](body_for(path))

    async with raw_http(application) as client:
        for way in _WAYS:
            application.injector.get(Taker).read = 0
            answer = await send(client, path, name, data, way)
            assert (way, answer.status, size_of(answer)) == (way, 200, len(_TEXT))


@with_codings
@with_paths
async def test_compressed_body_that_ends_early_is_400(taker: Opened, name: str, path: str) -> None:
    """The end of the message is known, so the connection stays open."""
    application = await taker()
    data = COMPRESSED[name](body_for(path))

    async with raw_http(application) as client:
        for way in _WAYS:
            answer = await send(client, path, name, data[:-1], way)
            assert (way, answer.status, answer.json["message"]) == (
                way,
                400,
                "the compressed body ends early",
            )
        application.injector.get(Taker).read = 0
        answer = await send(client, path, name, data, "whole")
        assert (answer.status, size_of(answer)) == (200, len(_TEXT))


@with_paths
@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-8] + bytes(8),  # the checksum
        lambda data: data + b"trailing",
    ],
    ids=["checksum", "trailing"],
)
async def test_compressed_body_that_is_malformed_is_400(
    taker: Opened, path: str, damage: Callable[[bytes], bytes]
) -> None:
    application = await taker()
    data = damage(gzip.compress(body_for(path)))

    async with raw_http(application) as client:
        for way in _WAYS:
            answer = await send(client, path, "gzip", data, way)
            assert (way, answer.status, answer.json["message"]) == (
                way,
                400,
                "the compressed body is malformed",
            )


async def test_compressed_body_of_several_members_is_read_whole(taker: Opened) -> None:
    application = await taker()
    data = gzip.compress(_TEXT) + gzip.compress(b"end")

    async with raw_http(application) as client:
        for way in _WAYS:
            answer = await send(client, "/take", "gzip", data, way)
            assert (way, size_of(answer)) == (way, len(_TEXT) + 3)


@pytest.mark.parametrize("headers", [("Content-Length: 0",), ("Transfer-Encoding: chunked",)])
async def test_empty_body_with_a_content_coding_is_empty(
    taker: Opened, headers: tuple[str, ...]
) -> None:
    application = await taker()

    async with raw_http(application) as client:
        end = b"0\r\n\r\n" if "chunked" in headers[0] else b""
        await client.send(post("/take", "Content-Encoding: gzip", *headers) + end)
        answer = await client.answer()
        assert (answer.status, size_of(answer)) == (200, 0)


@with_paths
async def test_unsupported_content_coding_is_415(taker: Opened, path: str) -> None:
    application = await taker()

    async with raw_http(application) as client:
        for way in _WAYS:
            answer = await send(client, path, "lzma", b"x" * 100, way)
            assert (way, answer.status) == (way, 415)
        assert answer.headers["accept-encoding"] == "gzip, deflate, br, zstd"


async def test_compressed_body_that_arrived_whole_stays_on_the_fast_path(
    taker: Opened, http_path: str
) -> None:
    application = await taker()

    async with raw_http(application) as client:
        for way in ("whole", "chunks in one segment"):
            assert (await send(client, "/take", "gzip", gzip.compress(b"a"), way)).status == 200
    assert dict(application.servers["http"].counts) == {}


@with_paths
async def test_compressed_body_above_its_limit_is_counted(taker: Opened, path: str) -> None:
    application = await taker(body_limit=1000, upload_limit=1000)
    setting = "http.body_limit" if path == "/take" else "http.upload_limit"
    kind = part("f", _TEXT[:5000], filename="a") + b"--x--\r\n"
    data = gzip.compress(kind if path == "/upload" else _TEXT[:5000])

    async with raw_http(application) as client:
        for number, way in enumerate(_WAYS, 1):
            assert (await send(client, path, "gzip", data, way)).status == 413
            assert application.servers["http"].counts[setting] == number


# --- native handlers


async def _read(native: web.Request) -> web.Response:
    return web.json_response(len(await native.read()))


async def _stream(native: web.Request) -> web.Response:
    try:
        sizes = [len(piece) async for piece in native.content.iter_chunked(1000)]
    except web.RequestPayloadError as exc:
        return web.json_response({"message": str(exc)}, status=400)
    return web.json_response(sum(sizes))


async def _chunks(native: web.Request) -> web.Response:
    return web.json_response(sum([len(data) async for data, _ in native.content.iter_chunks()]))


async def _upload(native: web.Request) -> web.Response:
    field = (await native.post())["f"]
    assert isinstance(field, web.FileField)
    return web.json_response(len(field.file.read()))


_NATIVE = {"/read": _read, "/pieces": _stream, "/chunks": _chunks, "/upload": _upload}


class Native(Bundle):
    name = "native"

    @inject
    def __init__(self, http: HttpServer) -> None:
        for path, handler in _NATIVE.items():
            http.mount(f"/native{path}", handler)


@with_codings
async def test_native_handler_reads_the_decompressed_body(serve: Serve, name: str) -> None:
    application = await serve(bundles=[Native])

    async with raw_http(application) as client:
        for path, way in product(_NATIVE, _WAYS):
            data = COMPRESSED[name](body_for(path))
            answer = await send(client, f"/native{path}", name, data, way)
            assert (path, way, answer.status, answer.json) == (path, way, 200, len(_TEXT))


@with_codings
async def test_native_handler_gets_an_error_for_a_body_that_ends_early(
    serve: Serve, name: str
) -> None:
    application = await serve(bundles=[Native])
    data = COMPRESSED[name](_TEXT)[:-1]

    async with raw_http(application) as client:
        for way in _WAYS:
            answer = await send(client, "/native/pieces", name, data, way)
            assert (way, answer.status) == (way, 400)
            assert answer.json["message"] == "the compressed body ends early"


@with_codings
async def test_native_handler_that_cannot_read_the_body_responds_400(
    serve: Serve, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It is an error of the client. The end of the message is known: the connection stays open."""
    application = await serve(bundles=[Native])

    async with raw_http(application) as client:
        for path, way in product(["/read", "/chunks"], _WAYS):
            data = COMPRESSED[name](body_for(path))
            answer = await send(client, f"/native{path}", name, data[:-1], way)
            assert (path, way, answer.status) == (path, way, 400)
            assert answer.json["message"] == "the compressed body ends early"
            answer = await send(client, f"/native{path}", name, data, way)
            assert (path, way, answer.status, answer.json) == (path, way, 200, len(_TEXT))
    assert [r for r in caplog.records if r.levelno > logging.DEBUG] == []


async def test_native_handler_that_reads_malformed_chunks_responds_400_and_closes(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    application = await serve(bundles=[Native])

    for path in ("/read", "/chunks"):
        head = post(f"/native{path}", "Transfer-Encoding: chunked")
        for parts in ([head + b"1\r\na\r\nx"], [head, b"1\r\na\r\n", b"x\r\n"]):
            async with raw_http(application) as client:
                await client.send(*parts)
                answer = await client.answer()
                assert (path, answer.status) == (path, 400)
                assert answer.json["message"] == "the body is malformed"
                assert await client.closed() == b""
    assert [r for r in caplog.records if r.exc_info or r.levelno > logging.WARNING] == []


async def test_native_handler_that_fails_after_its_response_began_closes(serve: Serve) -> None:
    async def echo(native: web.Request) -> web.StreamResponse:
        out = web.StreamResponse()
        await out.prepare(native)
        await out.write(b"begun")
        await out.write(await native.read())
        return out

    class Echo(Bundle):
        name = "echo"

        @inject
        def __init__(self, http: HttpServer) -> None:
            http.mount("/native/echo", echo)

    application = await serve(bundles=[Echo])

    async with raw_http(application) as client:
        data = gzip.compress(_TEXT)[:-1]
        await client.send(post("/native/echo", "Content-Encoding: gzip", body=data))
        received = await client.closed()
    assert received.count(b"HTTP/1.1") == 1
    assert b"400" not in received
    assert not received.endswith(b"0\r\n\r\n")


async def test_native_handler_reads_a_body_with_an_unknown_coding_as_it_was_sent(
    serve: Serve,
) -> None:
    """As without rxkernel: the handler may know the coding."""
    application = await serve(bundles=[Native])

    async with raw_http(application) as client:
        answer = await send(client, "/native/read", "lzma", b"x" * 100, "whole")
        assert answer.json == 100


@pytest.mark.parametrize("path", ["/stream", "/native/slow"])
async def test_compressed_body_is_read_no_faster_than_its_reader(serve: Serve, path: str) -> None:
    """The server must not hold all of an endless body in memory."""
    reading, received = asyncio.Event(), 0

    async def slow(native: web.Request) -> web.Response:
        async for _ in native.content.iter_chunked(10):
            await reading.wait()
        return web.json_response(0)

    class Slow(Bundle):
        name = "slow"

        @inject
        def __init__(self, http: HttpServer) -> None:
            http.mount("/native/slow", slow)

    application = await serve(Taker, bundles=[Slow], http={"upload_limit": 2**40})
    taker: Taker = application.injector.get(Taker)
    taker.may_read.clear()
    noise = gzip.compress(os.urandom(1_000_000))

    async with raw_http(application) as client:
        client.writer.transport.set_write_buffer_limits(high=0)
        await client.send(post(path, "Content-Encoding: gzip", "Transfer-Encoding: chunked"))
        with suppress(TimeoutError):
            async with asyncio.timeout(
                1
            ):  # on a slow machine, less is sent and the test proves nothing
                for _ in range(100):
                    await client.send(chunk(noise))
                    received += 1
    reading.set()
    taker.may_read.set()
    assert received < 90
