"""Compression: the responses that are compressed, for each Accept-Encoding, and the headers."""

import asyncio
import gzip
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import brotli
import pytest
import pytest_asyncio
from backports import zstd

from rxkernel import (
    Application,
    EventStreamResponse,
    FileResponse,
    NotFoundException,
    Request,
    Response,
    ServerSentEvent,
    StreamResponse,
    http,
)
from rxkernel.servers.http.compression import choose_coding, compress
from tests.servers.conftest import Serve, http_url

TEXT = "All work and no play makes Jack a dull boy. " * 100
ON = {"compression": True}

Start = Callable[..., Awaitable["Raw"]]

READERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.decompress,
    "br": brotli.decompress,
    "zstd": zstd.decompress,
}


class Pages:
    def __init__(self) -> None:
        self.more = asyncio.Event()

    @http("GET", "/text", "text")
    async def text(self, request: Request) -> str:
        return TEXT

    @http("GET", "/json", "json")
    async def json(self, request: Request) -> list[str]:
        return [TEXT]

    @http("GET", "/sized/{size:int}", "sized")
    async def sized(self, request: Request) -> str:
        return "x" * request.param("size", int)

    @http("GET", "/with", "with")
    async def with_(self, request: Request) -> Response:
        """Return the response that the query describes."""
        status = int(request.params.get("status", 200))
        headers = {name: text for name, text in request.params.items() if name != "status"}
        return Response(TEXT, status, headers)

    @http("GET", "/failing", "failing")
    async def failing(self, request: Request) -> None:
        raise NotFoundException(TEXT)

    @http("GET", "/tagged", "tagged")
    async def tagged(self, request: Request) -> Response:
        response = Response(TEXT, headers={"Cache-Control": "max-age=1"})
        response.set_etag("v1")
        return response

    @http("GET", "/stream", "stream")
    async def stream(self, request: Request) -> StreamResponse:
        return StreamResponse(self.pieces(), headers=dict(request.params))

    async def pieces(self) -> AsyncIterator[str | bytes]:
        yield TEXT
        yield b""
        await self.more.wait()
        yield TEXT.encode() * 20

    @http("GET", "/empty", "empty")
    async def empty(self, request: Request) -> StreamResponse:
        async def nothing() -> AsyncIterator[bytes]:
            return
            yield b""

        return StreamResponse(nothing())

    @http("GET", "/events", "events")
    async def events(self, request: Request) -> EventStreamResponse:
        async def happenings() -> AsyncIterator[ServerSentEvent]:
            yield ServerSentEvent(data=TEXT)

        return EventStreamResponse(happenings(), headers={"Content-Type": "text/plain"})

    @http("GET", "/file", "file")
    async def file(self, request: Request) -> FileResponse:
        return FileResponse(__file__)


class Raw:
    """A client that does not decompress."""

    def __init__(self, application: Application, session: aiohttp.ClientSession) -> None:
        self._application = application
        self.pages = application.injector.get(Pages)
        self._session = session

    async def get(
        self, path: str, accept: str | None = "gzip", *, method: str = "GET", **headers: str
    ) -> tuple[Any, bytes]:
        if accept is not None:
            headers["Accept-Encoding"] = accept
        async with self._session.request(
            method,
            http_url(self._application, path),
            headers={name.replace("_", "-"): text for name, text in headers.items()},
            skip_auto_headers=["Accept-Encoding"],
        ) as response:
            return response, await response.read()


@pytest_asyncio.fixture
async def raw(serve: Serve) -> AsyncIterator[Start]:
    """``client = await raw(setting=…)`` returns a client that does not decompress."""
    async with aiohttp.ClientSession(auto_decompress=False) as session:

        async def start(**settings: Any) -> Raw:
            return Raw(await serve(Pages, http={**ON, **settings}), session)

        yield start


@pytest.mark.parametrize(
    ("accept", "coding"),
    [
        ([], None),
        ([""], None),
        (["gzip"], "gzip"),
        (["GZIP"], "gzip"),
        (["br"], "br"),
        (["zstd"], "zstd"),
        (["gzip, deflate, br, zstd"], "zstd"),
        (["gzip", "br"], "br"),
        (["gzip;q=1, br;q=0.9, zstd;q=0.8"], "gzip"),
        (["gzip;q=0, *"], "zstd"),
        (["zstd;q=0, br;q=0, *"], "gzip"),
        (["*;q=0.5, gzip;q=0.6"], "gzip"),
        (["*"], "zstd"),
        (["*;q=0"], None),
        (["gzip;q=0"], None),
        (["identity"], None),
        (["identity, gzip"], "gzip"),
        (["identity, gzip;q=0.5"], None),
        (["identity;q=0.2, gzip;q=0.5"], "gzip"),
        (["identity;q=0, gzip;q=0.001"], "gzip"),
        (["deflate, compress"], None),
        (["gzip;q=1.5"], None),
        (["x," * 64 + "gzip"], None),
    ],
)
def test_accept_encoding_selects_coding(accept: list[str], coding: str | None) -> None:
    """RFC 9110 §12.5.3."""
    assert choose_coding(("zstd", "br", "gzip"), tuple(accept))[0] == coding


@pytest.mark.parametrize("coding", READERS)
@pytest.mark.parametrize("path", ["/text", "/json", "/failing"])
async def test_responses_and_errors_are_compressed(raw: Start, coding: str, path: str) -> None:
    client = await raw()
    bare, body = await client.get(path, None)
    response, packed = await client.get(path, coding)

    assert response.status == bare.status
    assert response.headers["Content-Encoding"] == coding
    assert response.headers["Content-Type"] == bare.headers["Content-Type"]
    assert int(response.headers["Content-Length"]) == len(packed) < len(body) / 2
    assert READERS[coding](packed) == body
    for one in (response, bare):
        assert one.headers["Vary"] == "Accept-Encoding"


async def test_compression_is_off_by_default(serve: Serve, session: aiohttp.ClientSession) -> None:
    application = await serve(Pages)

    async with session.get(http_url(application, "/text")) as response:
        assert "Content-Encoding" not in response.headers
        assert "Vary" not in response.headers


async def test_response_below_minimum_is_not_compressed(raw: Start) -> None:
    client = await raw(compression_minimum=100)

    assert "Content-Encoding" not in (await client.get("/sized/99"))[0].headers
    assert "Content-Encoding" in (await client.get("/sized/100"))[0].headers
    assert "Content-Encoding" in (await client.get("/sized/99", "gzip, identity;q=0"))[0].headers
    assert "Content-Encoding" not in (await client.get("/sized/0", "gzip, *;q=0"))[0].headers


@pytest.mark.parametrize(
    "query",
    [
        "Content-Encoding=deflate",
        "Cache-Control=no-transform",
        "Cache-Control=public,%20No-Transform",
        "Content-Range=bytes%200-1/2",
        "status=206",
        "status=204",
        "Content-Type=image/png",
        "Content-Type=IMAGE/jpeg",
        "Content-Type=video/mp4",
        "Content-Type=audio/ogg",
        "Content-Type=application/zip",
        "Content-Type=application/gzip",
        "Content-Type=application/pdf",
        "Content-Type=font/woff2",
        "Content-Type=text/event-stream",
    ],
)
async def test_unsuitable_response_is_not_compressed(raw: Start, query: str) -> None:
    client = await raw()
    response, body = await client.get(f"/with?{query}")

    assert response.headers.get("Content-Encoding") in (None, "deflate")
    assert "Vary" not in response.headers
    assert body in (TEXT.encode(), b"")


@pytest.mark.parametrize("kind", ["image/svg+xml", "font/ttf", "application/x-mine", "text/css"])
async def test_compressible_types_are_compressed(raw: Start, kind: str) -> None:
    client = await raw()
    response, _ = await client.get(f"/with?Content-Type={kind.replace('+', '%2B')}")

    assert response.headers["Content-Encoding"] == "gzip"


async def test_files_and_event_streams_are_not_compressed(raw: Start) -> None:
    client = await raw()
    for path in ("/file", "/events"):
        response, _ = await client.get(path)
        assert "Content-Encoding" not in response.headers


async def test_head_has_headers_of_get(raw: Start) -> None:
    client = await raw()
    names = ("Content-Encoding", "Content-Type", "Vary", "ETag")
    for path in ("/text", "/tagged", "/stream"):
        client.pages.more.set()
        got, _ = await client.get(path)
        head, body = await client.get(path, method="HEAD")
        assert body == b""
        assert [head.headers.get(n) for n in names] == [got.headers.get(n) for n in names]
        assert head.headers.get("Content-Length") == got.headers.get("Content-Length")


async def test_strong_tag_of_compressed_response_becomes_weak(raw: Start) -> None:
    """RFC 9110 §8.8.1: a strong tag identifies bytes, and the compressed bytes differ."""
    client = await raw()
    bare, _ = await client.get("/tagged", None)
    packed, _ = await client.get("/tagged")
    known, body = await client.get("/tagged", If_None_Match=packed.headers["ETag"])

    assert (bare.headers["ETag"], packed.headers["ETag"]) == ('"v1"', 'W/"v1"')
    assert (known.status, body, known.headers["ETag"]) == (304, b"", 'W/"v1"')
    assert known.headers["Vary"] == packed.headers["Vary"] == "Accept-Encoding"
    assert "Content-Encoding" not in known.headers


@pytest.mark.parametrize("coding", READERS)
async def test_stream_pieces_are_flushed(
    serve: Serve, session: aiohttp.ClientSession, coding: str
) -> None:
    """The client can decompress the first piece before the source has yielded the second."""
    application = await serve(Pages, http=ON)
    headers = {"Accept-Encoding": coding}

    async with session.get(http_url(application, "/stream"), headers=headers) as response:
        assert response.headers["Content-Encoding"] == coding
        async with asyncio.timeout(20):
            first = await response.content.readexactly(len(TEXT))
        application.injector.get(Pages).more.set()
        assert first + await response.read() == TEXT.encode() * 21


@pytest.mark.parametrize("coding", READERS)
async def test_stream_without_pieces_has_empty_body(raw: Start, coding: str) -> None:
    response, body = await (await raw()).get("/empty", coding)

    assert response.headers["Content-Encoding"] == coding
    assert READERS[coding](body) == b""


async def test_stream_with_content_length_is_compressed_from_minimum_on(raw: Start) -> None:
    client = await raw(compression_minimum=100_000)
    client.pages.more.set()
    bare, body = await client.get(f"/stream?Content-Length={len(TEXT) * 21}")
    assert ("Content-Encoding" in bare.headers, len(body)) == (False, len(TEXT) * 21)

    client = await raw()
    client.pages.more.set()
    packed, body = await client.get(f"/stream?Content-Length={len(TEXT) * 21}")
    assert "Content-Length" not in packed.headers
    assert gzip.decompress(body) == TEXT.encode() * 21


class Watched:
    """A compressor that records its thread."""

    def __init__(self) -> None:
        self.threads: list[str] = []

    def compress(self, piece: bytes) -> bytes:
        self.threads.append(threading.current_thread().name)
        return piece

    def flush(self) -> bytes:
        return b""

    def finish(self) -> bytes:
        return b"end"


async def test_large_body_is_compressed_in_thread() -> None:
    """The event loop is not blocked."""
    watched = Watched()

    assert await compress(watched, b"x" * 1000) == b"x" * 1000
    assert await compress(watched, b"x" * 100_000, last=True) == b"x" * 100_000 + b"end"
    main = threading.main_thread().name
    assert watched.threads[0] == main != watched.threads[1]


async def test_gzip_needs_no_extra(raw: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("backports.zstd", "compression.zstd", "brotli"):
        monkeypatch.setitem(sys.modules, module, None)
    response, _ = await (await raw()).get("/text", "zstd, br, gzip;q=0.1")

    assert response.headers["Content-Encoding"] == "gzip"
