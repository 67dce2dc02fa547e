"""`TerminateEvent` of a response that was sent over HTTP."""

from collections.abc import AsyncIterator
from pathlib import Path
from time import perf_counter
from typing import Any

import aiohttp
import pytest

from rxkernel import (
    FileResponse,
    KernelEvents,
    NotFoundException,
    Request,
    Response,
    StreamResponse,
    TerminateEvent,
    http,
    observe,
)
from tests.servers.conftest import Serve, http_url
from tests.servers.raw_http import post, raw_http
from tests.servers.test_contexts import Signal
from tests.waiting import until

LARGE = 300_000


class Sizes:
    folder: Path

    def __init__(self) -> None:
        self.ended: list[TerminateEvent] = []
        self.worked = 0.0

    @observe(KernelEvents.KERNEL_TERMINATE)
    async def end(self, event: TerminateEvent) -> None:
        self.ended.append(event)

    @http("GET", "/text", "text")
    async def text(self, request: Request) -> str:
        return "äb"

    @http("GET", "/headers", "headers")
    async def headers(self, request: Request) -> Response:
        return Response("three", headers={"ETag": '"1"'})

    @http("GET", "/nothing", "nothing")
    async def nothing(self, request: Request) -> Response:
        return Response(None, 204)

    @http("GET", "/missing", "missing")
    async def missing(self, request: Request) -> None:
        raise NotFoundException

    @http("GET", "/broken", "broken")
    async def broken(self, request: Request) -> Any:
        return object()

    @http("POST", "/echo", "echo")
    async def echo(self, request: Request) -> bytes:
        return request.raw_body

    @http("GET", "/stream", "stream")
    async def stream(self, request: Request) -> StreamResponse:
        return StreamResponse(self._pieces(started=perf_counter()))

    async def _pieces(self, started: float) -> AsyncIterator[bytes | str]:
        for piece in (b"x" * LARGE, "äb", b""):
            yield piece
        self.worked = perf_counter() - started

    @http("GET", "/breaks", "breaks")
    async def breaks(self, request: Request) -> StreamResponse:
        return StreamResponse(self._failing())

    async def _failing(self) -> AsyncIterator[bytes]:
        yield b"half"
        raise RuntimeError("on purpose")

    @http("GET", "/files/{name}", "file")
    async def file(self, request: Request) -> FileResponse:
        return FileResponse(self.folder / str(request.params["name"]))


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path) -> None:
    Sizes.folder = tmp_path
    (tmp_path / "small").write_bytes(b"12345")
    (tmp_path / "large").write_bytes(b"x" * LARGE)


@pytest.mark.parametrize("listeners", [[], [Signal]])
@pytest.mark.parametrize(
    ("path", "size"),
    [
        ("/text", 3),
        ("/headers", 5),
        ("/nothing", 0),
        ("/missing", len('{"statusCode":404,"message":"Not Found"}')),
        ("/broken", len('{"statusCode":500,"message":"Internal Server Error"}')),
        ("/stream", LARGE + 3),
        ("/files/small", 5),
        ("/files/large", LARGE),
    ],
)
async def test_size_of_a_response_is_the_size_of_its_body(
    serve: Serve, session: aiohttp.ClientSession, listeners: list[type], path: str, size: int
) -> None:
    """Twice, because the second file or stream may take another path, and with HEAD."""
    application = await serve(Sizes, listeners=listeners)
    sizes = application.injector.get(Sizes)

    for method, expected in (("GET", size), ("GET", size), ("HEAD", 0)):
        sizes.ended.clear()
        before = perf_counter()
        async with session.request(method, http_url(application, path)) as response:
            assert len(await response.read()) == expected
        await until(lambda: sizes.ended)
        (event,) = sizes.ended
        assert event.size == expected
        assert 0 < event.duration <= perf_counter() - before


async def test_size_of_range_or_not_modified_is_the_sent_size(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    application = await serve(Sizes)
    sizes = application.injector.get(Sizes)

    for path, header, expected in (
        ("/files/large", {"Range": "bytes=10-19"}, 10),
        ("/headers", {"If-None-Match": '"1"'}, 0),
    ):
        async with session.get(http_url(application, path), headers=header) as response:
            assert len(await response.read()) == expected
    await until(lambda: len(sizes.ended) == 2)

    assert [event.size for event in sizes.ended] == [10, 0]


async def test_size_of_compressed_content_is_the_compressed_size(serve: Serve) -> None:
    application = await serve(Sizes, http={"compression": True})
    sizes = application.injector.get(Sizes)

    async with raw_http(application) as connection:
        body = b"x" * 100_000
        await connection.send(post("/echo", "Accept-Encoding: gzip", body=body))
        answer = await connection.answer()
    await until(lambda: sizes.ended)

    assert sizes.ended[0].size == len(answer.body)


async def test_duration_of_a_stream_ends_with_its_last_byte(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    application = await serve(Sizes)
    sizes = application.injector.get(Sizes)

    async with session.get(http_url(application, "/stream")) as response:
        await response.read()
    await until(lambda: sizes.ended)

    assert sizes.ended[0].duration >= sizes.worked > 0


async def test_size_of_incomplete_response_is_none(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    application = await serve(Sizes)
    sizes = application.injector.get(Sizes)

    async with session.get(http_url(application, "/breaks")) as response:
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()
    await until(lambda: sizes.ended)

    assert sizes.ended[0].size is None


async def test_duration_for_listener_added_during_the_request_is_measured(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    """The clock runs without listeners, too."""
    application = await serve(Texts)
    texts = application.injector.get(Texts)
    ended: list[TerminateEvent] = []

    async def end(event: TerminateEvent) -> None:
        ended.append(event)

    texts.add = lambda: application.dispatcher.add_listener(KernelEvents.KERNEL_TERMINATE, end)
    async with session.get(http_url(application, "/text")) as response:
        assert await response.text() == "text"
    await until(lambda: ended)

    assert (ended[0].size, ended[0].duration > 0) == (4, True)


class Texts:
    add: Any = None

    @http("GET", "/text", "text")
    async def text(self, request: Request) -> str:
        self.add()
        return "text"
