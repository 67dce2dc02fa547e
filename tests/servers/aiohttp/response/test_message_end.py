"""The end of a response: with HTTP/1.0, and with statuses without content."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from rxkernel import (
    EventStreamResponse,
    FileResponse,
    Request,
    Response,
    ServerConfigurationEvent,
    ServerEvents,
    ServerSentEvent,
    StreamResponse,
    http,
    observe,
)
from tests.servers.conftest import Serve
from tests.servers.raw_http import raw_http

KEPT = "Connection: keep-alive"


async def pieces() -> AsyncIterator[bytes]:
    yield b"one"
    yield b"two"


async def events() -> AsyncIterator[ServerSentEvent]:
    yield ServerSentEvent(data="one")


class Endings:
    @http("GET", "/stream", "stream")
    async def stream(self, request: Request) -> StreamResponse:
        return StreamResponse(pieces())

    @http("GET", "/maybe", "maybe")
    async def maybe(self, request: Request) -> Response:
        return StreamResponse(pieces())

    @http("GET", "/generator", "generator")
    async def generator(self, request: Request) -> StreamResponse:
        return StreamResponse(piece for piece in (b"one", b"two"))

    @http("GET", "/measured", "measured")
    async def measured(self, request: Request) -> StreamResponse:
        return StreamResponse(pieces(), headers={"Content-Length": "6"})

    @http("GET", "/events", "events")
    async def events(self, request: Request) -> EventStreamResponse:
        return EventStreamResponse(events())

    @http("GET", "/file", "file")
    async def file(self, request: Request) -> FileResponse:
        return FileResponse(__file__)

    @http("GET", "/plain", "plain")
    async def plain(self, request: Request) -> str:
        return "plain"

    @http("GET", "/reset/{kind}", "reset")
    async def reset(self, request: Request) -> Response:
        kind = request.params["kind"]
        if kind == "stream":
            return StreamResponse(pieces(), 205, {"Content-Length": "6"})
        if kind == "file":
            return FileResponse(__file__, 205)
        if kind == "tagged":
            response = Response("content", 205)
            response.set_etag()
            return response
        headers = {"Content-Length": "7"} if kind == "measured" else None
        return Response(None if kind == "nothing" else "content", 205, headers)


class Native:
    async def stream(self, native: web.Request) -> web.StreamResponse:
        out = web.StreamResponse()
        await out.prepare(native)
        await out.write(b"native")
        return out

    @observe(ServerEvents.CONFIGURE)
    async def configure(self, event: ServerConfigurationEvent) -> None:
        if event.server.name == "http":
            event.server.engine.router.add_get("/native", self.stream)


def request(path: str, *headers: str, version: str = "1.0", method: str = "GET") -> bytes:
    return "\r\n".join((f"{method} {path} HTTP/{version}", *headers, "", "")).encode()


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/stream", b"onetwo"),
        ("/maybe", b"onetwo"),
        ("/generator", b"onetwo"),
        ("/events", b"data: one\n\n"),
        ("/native", b"native"),
    ],
)
@pytest.mark.parametrize("headers", [(), (KEPT,)], ids=["default", "keep-alive"])
async def test_stream_http10_closes_connection(
    serve: Serve, path: str, body: bytes, headers: tuple[str, ...]
) -> None:
    """RFC 9112 section 6.3: without Content-Length and chunks, only the close ends a body."""
    application = await serve(Endings, listeners=[Native])

    async with raw_http(application) as client:
        await client.send(request(path, *headers) + request("/plain"))
        answer = await client.answer()
        assert answer.status == 200
        assert "keep-alive" not in answer.headers.get("connection", "")
        assert "transfer-encoding" not in answer.headers
        assert await client.closed() == body


@pytest.mark.parametrize(
    ("path", "method"),
    [
        ("/measured", "GET"),
        ("/file", "GET"),
        ("/plain", "GET"),
        ("/stream", "HEAD"),
        ("/reset/stream", "GET"),
    ],
)
async def test_response_with_a_known_end_http10_keep_alive_keeps_connection(
    serve: Serve, path: str, method: str
) -> None:
    application = await serve(Endings)

    async with raw_http(application) as client:
        await client.send(request(path, KEPT, method=method))
        answer = await client.answer()
        assert answer.headers["connection"] == "keep-alive"
        await client.send(request("/plain"))
        assert (await client.answer()).body == b"plain"
        assert await client.closed() == b""


@pytest.mark.parametrize("kind", ["plain", "nothing", "measured", "tagged", "stream", "file"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("compression", [False, True])
async def test_reset_content_has_no_content(
    serve: Serve, kind: str, method: str, compression: bool
) -> None:
    """RFC 9110 section 15.3.6: a server must not generate content in a 205 response."""
    application = await serve(Endings, http={"compression": compression})

    async with raw_http(application) as client:
        coding = "Accept-Encoding: gzip"
        await client.send(
            request(f"/reset/{kind}", "Host: x", coding, method=method, version="1.1")
        )
        await client.send(request("/plain"))
        answer = await client.answer()
        assert (answer.status, answer.headers["content-length"]) == (205, "0")
        assert not answer.headers.keys() & {"transfer-encoding", "content-encoding"}
        assert (await client.answer()).body == b"plain"
