"""HTTP over a real connection."""

import asyncio
import gzip
import logging
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path
from typing import Any

import aiohttp
import attrs
import pytest
from aiohttp import web
from injector import Binder, ProviderOf, inject
from yarl import URL

from rxkernel import (
    ClientAddress,
    EventStreamResponse,
    ExceptionEvent,
    FileResponse,
    KernelEvents,
    NotFoundException,
    RedirectResponse,
    Request,
    Response,
    ResponseEvent,
    Server,
    ServerConfigurationEvent,
    ServerEvents,
    ServerSentEvent,
    StreamResponse,
    TerminateEvent,
    http,
    observe,
    request_scope,
)
from tests.servers.conftest import Serve, http_url
from tests.waiting import until


@attrs.frozen
class Point:
    x: int
    y: float


class Echo:
    @http("GET", "/", "index")
    async def index(self, request: Request) -> str:
        return "home"

    @http("GET", "/users/{id:int}", "user")
    async def user(self, request: Request) -> dict[str, Any]:
        return {
            "id": request.params["id"],
            "all": request.params.getall("id"),
            "path": request.path,
            "url": request.url,
            "method": request.method,
        }

    @http("POST", "/echo", "echo")
    async def echo(self, request: Request) -> dict[str, Any]:
        files = {
            name: [file.filename, file.content_type, file.content.decode()]
            for name, file in request.files.items()
        }
        return {
            "body": request.body,
            "type": type(request.body).__name__,
            "raw": len(request.raw_body),
            "params": list(request.params.items()),
            "files": files,
        }

    @http("GET", "/about", "about")
    async def about(self, request: Request) -> dict[str, Any]:
        return {
            "client": isinstance(request.client, ClientAddress) and request.client.host,
            "cookie": request.cookies.get("sid"),
            "header": request.headers["x-mine"],
            "native": isinstance(request.native, web.Request),
        }

    @http("GET", "/content/{kind}", "content")
    async def content(self, request: Request) -> Any:
        return {
            "text": "<b>é</b>",
            "html": Response("<b>é</b>", headers={"Content-Type": "text/html"}),
            "bytes": b"\x00\x01",
            "none": None,
            "attrs": Point(1, 2.5),
            "list": [1, "two", None],
            "nan": float("nan"),
            "problem": Response({"a": 1}, headers={"Content-Type": "application/problem+json"}),
            "gone": Response(None, 204),
            "object": object(),
            "redirect": RedirectResponse("/", 303),
        }[request.params["kind"]]


async def test_request_is_routed_with_its_parameters(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    application = await serve(Echo)

    async with session.get(http_url(application, "/users/7?id=8&x=1")) as response:
        assert response.status == 200
        assert response.headers["Content-Type"] == "application/json"
        assert await response.json() == {
            "id": 7,
            "all": [7, "8"],
            "path": "/users/{id:int}",
            "url": "/users/7?id=8&x=1",
            "method": "GET",
        }


async def test_request_has_client_cookies_headers_and_native(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    application = await serve(Echo)
    headers = {"X-Mine": "yes", "Cookie": "sid=abc"}

    async with session.get(http_url(application, "/about"), headers=headers) as response:
        assert await response.json() == {
            "client": "127.0.0.1",
            "cookie": "abc",
            "header": "yes",
            "native": True,
        }


@pytest.mark.parametrize(
    ("kind", "status", "content_type", "body"),
    [
        ("text", 200, "text/plain; charset=utf-8", "<b>é</b>".encode()),
        ("html", 200, "text/html; charset=utf-8", "<b>é</b>".encode()),
        ("bytes", 200, "application/octet-stream", b"\x00\x01"),
        ("attrs", 200, "application/json", b'{"x":1,"y":2.5}'),
        ("list", 200, "application/json", b'[1,"two",null]'),
        ("nan", 200, "application/json", b"null"),
        ("problem", 200, "application/problem+json", b'{"a":1}'),
    ],
)
async def test_content_type_follows_the_content(
    serve: Serve,
    session: aiohttp.ClientSession,
    kind: str,
    status: int,
    content_type: str,
    body: bytes,
) -> None:
    """RxStack sends a str as text/html, where reflected input runs as script."""
    application = await serve(Echo)

    async with session.get(http_url(application, f"/content/{kind}")) as response:
        assert (response.status, response.headers["Content-Type"]) == (status, content_type)
        assert await response.read() == body


async def test_response_without_content_has_an_empty_body(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    application = await serve(Echo)

    async with session.get(http_url(application, "/content/none")) as response:
        assert (response.status, await response.read()) == (200, b"")
        assert response.headers["Content-Length"] == "0"
    async with session.get(http_url(application, "/content/gone")) as response:
        assert (response.status, await response.read()) == (204, b"")


async def test_response_that_cannot_be_encoded_is_500_and_logged(
    serve: Serve, session: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    application = await serve(Echo)

    async with session.get(http_url(application, "/content/object")) as response:
        assert response.status == 500
        assert await response.json() == {"statusCode": 500, "message": "Internal Server Error"}
    async with session.get(http_url(application)) as response:
        assert response.status == 200
    assert len(caplog.records) == 1


async def test_head_is_get_without_the_body(serve: Serve, session: aiohttp.ClientSession) -> None:
    application = await serve(Echo)

    async with session.head(http_url(application)) as response:
        assert (response.status, await response.read()) == (200, b"")
        assert response.headers["Content-Length"] == "4"


async def test_options_lists_the_methods_of_the_path(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    application = await serve(Echo)

    async with session.options(http_url(application, "/users/1")) as response:
        assert (response.status, response.headers["Allow"]) == (204, "GET, HEAD, OPTIONS")


async def test_redirect_unknown_path_and_unknown_method(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    application = await serve(Echo)
    url = http_url(application)

    async with session.get(url + "content/redirect", allow_redirects=False) as response:
        assert (response.status, response.headers["Location"]) == (303, "/")
    async with session.get(url + "users/seven") as response:
        assert response.status == 404
        assert await response.json() == {"statusCode": 404, "message": "Not Found"}
    async with session.delete(url + "users/7") as response:
        assert response.status == 405
        assert response.headers["Allow"] == "GET, HEAD, OPTIONS"
        assert (await response.json())["message"] == "Method Not Allowed"


@pytest.mark.parametrize("path", ["content/a%0Ab", "nowhere%0D%0A"])
async def test_path_with_a_line_break_gets_a_response_of_the_kernel(
    serve: Serve, session: aiohttp.ClientSession, path: str
) -> None:
    application = await serve(Echo)

    async with session.get(URL(http_url(application) + path, encoded=True)) as response:
        assert response.headers["Content-Type"] == "application/json"
        assert response.status in (404, 500)


async def test_exception_listener_shapes_every_error(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    """One listener shapes them all: 404, 405, 400, 413, 415."""

    class Shape:
        @observe(KernelEvents.KERNEL_EXCEPTION)
        async def shape(self, event: ExceptionEvent) -> None:
            status = getattr(event.exception, "status_code", 500)
            event.set_response(Response({"shaped": status}, status))

        @observe(KernelEvents.KERNEL_RESPONSE)
        async def stamp(self, event: ResponseEvent) -> None:
            event.response.headers["X-Stamp"] = "yes"

    application = await serve(Echo, listeners=[Shape], http={"body_limit": 10})
    url = http_url(application)
    json_type = {"Content-Type": "application/json"}
    cases: list[tuple[str, str, dict[str, Any], int]] = [
        ("GET", "nowhere", {}, 404),
        ("PUT", "echo", {}, 405),
        ("POST", "echo", {"data": b"{bad", "headers": json_type}, 400),
        ("POST", "echo", {"data": b"x" * 11}, 413),
        (
            "POST",
            "echo",
            {"data": b"1", "headers": {"Content-Type": "text/plain; charset=x"}},
            415,
        ),
    ]

    for method, path, options, status in cases:
        async with session.request(method, url + path, **options) as response:
            assert (response.status, await response.json()) == (status, {"shaped": status})
            assert response.headers["X-Stamp"] == "yes"


JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("content_type", "sent", "body", "kind"),
    [
        (JSON, b'{"a": [1, null]}', {"a": [1, None]}, "dict"),
        (JSON + "; charset=UTF-8", b'"x"', "x", "str"),
        ("application/vnd.api+json", b"[1]", [1], "list"),
        (JSON, b"", None, "NoneType"),
        (FORM, b"a=1&b=&c=%C3%A9+", {"a": "1", "b": "", "c": "é "}, "MultiDict"),
        ("text/plain", "é".encode(), "é", "str"),
        ("text/plain; charset=iso-8859-1", b"\xe9", "é", "str"),
        ("application/octet-stream", b"ab", "YWI=", "bytes"),
        ("application/pdf", b"ab", "YWI=", "bytes"),
    ],
)
async def test_body_is_decoded_by_its_content_type(
    serve: Serve,
    session: aiohttp.ClientSession,
    content_type: str,
    sent: bytes,
    body: Any,
    kind: str,
) -> None:
    application = await serve(Echo)

    async with session.post(
        http_url(application, "/echo"), data=sent, headers={"Content-Type": content_type}
    ) as response:
        assert response.status == 200, await response.text()
        answer = await response.json()
    assert (answer["body"], answer["type"]) == (body, kind)
    assert answer["raw"] == len(sent)


@pytest.mark.parametrize(
    ("content_type", "sent", "status", "told"),
    [
        (JSON, b"{bad", 400, "not valid JSON"),
        (JSON, b'{"a": NaN}', 400, "not valid JSON"),
        (JSON, b"[" * 100_000, 400, "nested more than 64 deep"),
        (JSON, b'"\xff"', 400, "not valid JSON"),
        (JSON, b"1" * 5000, 400, "not valid JSON"),
        (JSON + "; charset=latin-1", b"{}", 415, "JSON is read as UTF-8 only"),
        ("text/plain; charset=rot13", b"x", 415, "charset 'rot13' is not supported"),
        ("text/plain; charset=klingon", b"x", 415, "charset 'klingon' is not supported"),
        ("text/plain", b"\xff", 400, "not valid utf-8"),
        (FORM, b"&".join([b"a=1"] * 1001), 413, "more than 1000 fields"),
        ("multipart/form-data", b"x", 400, "multipart form cannot be read"),
        ("multipart/form-data; boundary=x", b"--y\r\n\r\n", 400, "multipart"),
        ("multipart/form-data; boundary=x", b"--x\r\nbad", 400, "multipart"),
    ],
)
async def test_body_invalid_for_its_content_type_is_rejected(
    serve: Serve,
    session: aiohttp.ClientSession,
    content_type: str,
    sent: bytes,
    status: int,
    told: str,
) -> None:
    application = await serve(Echo)
    url = http_url(application, "/echo")

    async with session.post(url, data=sent, headers={"Content-Type": content_type}) as response:
        body = await response.json()
        assert (response.status, body["statusCode"]) == (status, status), body
        assert told in body["message"]
    async with session.post(url, json={"still": "here"}) as response:
        assert response.status == 200


async def test_multipart_form_has_fields_and_files(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    """RFC 7578; fields come behind the query in params."""
    application = await serve(Echo)
    form = aiohttp.FormData()
    form.add_field("title", "é")
    form.add_field("doc", BytesIO(b"hello"), filename="x.txt", content_type="text/csv")

    async with session.post(http_url(application, "/echo?title=query"), data=form) as response:
        answer = await response.json()
    assert answer["body"] == {"title": "é"}
    assert answer["params"] == [["title", "query"], ["title", "é"]]
    assert answer["files"] == {"doc": ["x.txt", "text/csv", "hello"]}


@pytest.mark.parametrize("chunked", [False, True])
async def test_body_over_the_limit_is_413(
    serve: Serve, session: aiohttp.ClientSession, chunked: bool
) -> None:
    application = await serve(Echo, http={"body_limit": 1000})
    url = http_url(application, "/echo")

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"x" * 100

    async with session.post(url, data=pieces() if chunked else b"x" * 2000) as response:
        assert response.status == 413
        assert (await response.json())["message"] == "the body is larger than 1000 bytes"
    form = aiohttp.FormData({"a": "x" * 2000}, default_to_multipart=True)
    async with session.post(url, data=form) as response:
        assert response.status == 413


async def test_body_with_a_content_coding_is_decompressed_within_the_limit(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    """gzip is undone and counts against the limit undone; an unknown coding is 415."""
    application = await serve(Echo, http={"body_limit": 1000})
    url = http_url(application, "/echo")
    headers = {"Content-Type": JSON, "Content-Encoding": "gzip"}

    async with session.post(url, data=gzip.compress(b'{"a":1}'), headers=headers) as response:
        assert (await response.json())["body"] == {"a": 1}
    async with session.post(url, data=gzip.compress(b" " * 9999), headers=headers) as response:
        assert response.status == 413
    async with session.post(url, data=b"not gzip", headers=headers) as response:
        assert response.status == 400
        message = (await response.json())["message"]
        assert message == "the content coding of the body is malformed"
    headers["Content-Encoding"] = "lzma"
    async with session.post(url, data=b"x", headers=headers) as response:
        assert response.status == 415


async def test_prefix_is_required_for_every_route(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    application = await serve(Echo, http={"prefix": "/api"})

    for path, status in {
        "/api": 200,
        "/api/": 200,
        "/api/users/1": 200,
        "/users/1": 404,
        "/apiusers/1": 404,
    }.items():
        async with session.get(http_url(application, path)) as response:
            assert response.status == status, path


class Files:
    folder = Path()

    @http("GET", "/file", "file")
    async def file(self, request: Request) -> FileResponse:
        return FileResponse(self.folder / "x.txt", filename="x.txt")

    @http("GET", "/missing", "missing")
    async def missing(self, request: Request) -> FileResponse:
        return FileResponse(self.folder / "nothing.txt")


async def test_file_is_sent_with_ranges_and_a_missing_one_is_404(
    serve: Serve, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    (tmp_path / "x.txt").write_text("0123456789")
    controller = type("Here", (Files,), {"folder": tmp_path})
    application = await serve(controller)
    url = http_url(application)

    async with session.get(url + "file", headers={"Range": "bytes=2-4"}) as response:
        assert (response.status, await response.text()) == (206, "234")
        assert response.headers["Content-Disposition"] == 'attachment; filename="x.txt"'
        assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
        etag = response.headers["ETag"]
    async with session.get(url + "file", headers={"If-None-Match": etag}) as response:
        assert response.status == 304
    async with session.get(url + "missing") as response:
        assert (response.status, await response.json()) == (
            404,
            {"statusCode": 404, "message": "Not Found"},
        )


class Streams:
    def __init__(self) -> None:
        self.closed = asyncio.Event()
        self.fail_at = -1

    @http("GET", "/count", "count")
    async def count(self, request: Request) -> StreamResponse:
        return StreamResponse(self.numbers(), content_type="text/csv")

    async def numbers(self) -> AsyncIterator[str | bytes]:
        for number in range(3):
            if number == self.fail_at:
                raise NotFoundException("no more")
            yield f"{number}\n" if number else b"0\n"

    @http("GET", "/endless", "endless")
    async def endless(self, request: Request) -> StreamResponse:
        return StreamResponse(self.waiting())

    async def waiting(self) -> AsyncIterator[bytes]:
        try:
            yield b"first"
            await asyncio.Event().wait()
        finally:
            self.closed.set()

    @http("GET", "/events", "events")
    async def events(self, request: Request) -> EventStreamResponse:
        return EventStreamResponse(self.happenings())

    async def happenings(self) -> AsyncIterator[ServerSentEvent]:
        try:
            yield ServerSentEvent(data="one\ntwo", event="news", id="1", retry=1.5)
            yield ServerSentEvent(data={"a": 1})
            await asyncio.Event().wait()
        finally:
            self.closed.set()


async def test_stream_is_sent_in_pieces(serve: Serve, session: aiohttp.ClientSession) -> None:
    application = await serve(Streams)

    async with session.get(http_url(application, "/count")) as response:
        assert response.headers["Content-Type"] == "text/csv"
        assert await response.text() == "0\n1\n2\n"
    async with session.head(http_url(application, "/count")) as response:
        assert (response.status, await response.read()) == (200, b"")


async def test_client_disconnect_closes_the_source(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    """RxStack leaves the source open for ever."""
    application = await serve(Streams)
    streams = application.injector.get(Streams)

    async with session.get(http_url(application, "/endless")) as response:
        assert await response.content.readexactly(5) == b"first"
    async with asyncio.timeout(10):
        await streams.closed.wait()


async def test_source_that_fails_before_its_first_piece_is_an_error_response(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    application = await serve(Streams)
    application.injector.get(Streams).fail_at = 0

    async with session.get(http_url(application, "/count")) as response:
        assert (response.status, (await response.json())["message"]) == (404, "no more")


async def test_source_that_fails_later_aborts_the_chunked_body(
    serve: Serve, session: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    application = await serve(Streams)
    application.injector.get(Streams).fail_at = 2

    async with session.get(http_url(application, "/count")) as response:
        assert response.status == 200
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()
    assert "sending the stream of route 'count' failed" in caplog.text


class Sources:
    """Streams that end in unusual ways."""

    def __init__(self) -> None:
        self.trace: list[str] = []
        self.cleaned = asyncio.Event()

    @http("GET", "/careful", "careful")
    async def careful(self, request: Request) -> StreamResponse:
        return StreamResponse(self.with_cleanup())

    async def with_cleanup(self) -> AsyncIterator[bytes]:
        try:
            yield b"first"
            await asyncio.Event().wait()
        finally:
            self.trace.append("begins")
            await asyncio.sleep(0.6)  # longer than the server looks twice
            self.trace.append("ends")
            self.cleaned.set()

    @http("GET", "/database", "database")
    async def database(self, request: Request) -> StreamResponse:
        return StreamResponse(self.refused())

    async def refused(self) -> AsyncIterator[bytes]:
        raise ConnectionRefusedError("the database is down")
        yield b""

    @http("GET", "/cancelled", "cancelled")
    async def cancelled(self, request: Request) -> StreamResponse:
        return StreamResponse(self.from_within())

    async def from_within(self) -> AsyncIterator[bytes]:
        yield b"half"
        raise asyncio.CancelledError


async def test_source_clean_up_is_not_cancelled_twice(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    application = await serve(Sources)
    sources = application.injector.get(Sources)

    async with session.get(http_url(application, "/careful")) as response:
        await response.content.readexactly(5)
    async with asyncio.timeout(20):
        await sources.cleaned.wait()
    assert sources.trace == ["begins", "ends"]


async def test_source_with_a_connection_error_of_its_own_is_500(
    serve: Serve, session: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    application = await serve(Sources)

    async with session.get(http_url(application, "/database")) as response:
        assert response.status == 500
    assert "the database is down" in caplog.text


async def test_source_that_cancels_its_task_aborts_the_stream(
    serve: Serve, session: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    application = await serve(Sources)

    async with session.get(http_url(application, "/cancelled")) as response:
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()
    assert "cancelled its own task" in caplog.text


async def test_event_stream_follows_the_html_standard(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    application = await serve(Streams)

    async with session.get(http_url(application, "/events")) as response:
        assert response.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        first = await response.content.readuntil(b"\n\n")
        second = await response.content.readuntil(b"\n\n")
    assert first == b"id: 1\nevent: news\nretry: 1500\ndata: one\ndata: two\n\n"
    assert second == b'data: {"a":1}\n\n'


async def test_terminate_listener_runs_after_the_response(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    seen: asyncio.Queue[tuple[str | None, int]] = asyncio.Queue()

    class After:
        @observe(KernelEvents.KERNEL_TERMINATE)
        async def after(self, event: TerminateEvent) -> None:
            seen.put_nowait((event.request.route_name, event.response.status_code))

    application = await serve(Echo, Streams, listeners=[After])
    for path in ("/", "/count", "/nowhere"):
        async with session.get(http_url(application, path)) as response:
            await response.read()

    async with asyncio.timeout(10):
        assert [await seen.get(), await seen.get()] == [("index", 200), ("count", 200)]
    assert seen.empty(), "a request without a definition has no terminate phase"


async def test_native_routes_and_middlewares_run_before_the_kernel(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    class Native:
        @observe(ServerEvents.CONFIGURE)
        async def configure(self, event: ServerConfigurationEvent) -> None:
            if event.server.name == "http":
                event.server.engine.router.add_get("/native", self.native)
                event.server.engine.middlewares.append(self.middleware)

        async def native(self, request: web.Request) -> web.Response:
            return web.Response(text="native")

        @web.middleware
        async def middleware(self, request: web.Request, handler: Any) -> web.StreamResponse:
            response: web.StreamResponse = await handler(request)
            response.headers["X-Middleware"] = "yes"
            return response

    application = await serve(Echo, listeners=[Native])
    for path, text in {"/native": "native", "/": "home"}.items():
        async with session.get(http_url(application, path)) as response:
            assert (await response.text(), response.headers["X-Middleware"]) == (text, "yes")


async def test_a_client_that_leaves_in_mid_body_costs_one_quiet_line(
    serve: Serve, session: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    """Plain aiohttp logs a traceback for each."""
    caplog.set_level(logging.DEBUG, logger="rxkernel")
    application = await serve(Echo)
    server = application.servers["http"]
    _, writer = await asyncio.open_connection(server.host, server.port)
    writer.write(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf")
    await writer.drain()
    writer.transport.abort()

    async with session.get(http_url(application)) as response:
        assert response.status == 200
    await until(lambda: "client disconnected" in caplog.text)
    assert not [record for record in caplog.records if record.levelno > logging.DEBUG]


class Slow:
    def __init__(self) -> None:
        self.entered = asyncio.Event()
        self.release = asyncio.Event()

    @http("GET", "/slow", "slow")
    async def slow(self, request: Request) -> str:
        self.entered.set()
        await self.release.wait()
        return "done"


async def refused(server: Server) -> None:
    """Wait until nobody can connect any more."""
    async with asyncio.timeout(20):
        while True:
            try:
                _, writer = await asyncio.open_connection(server.host, server.port)
            except ConnectionError:  # refused, or reset when the listener closed
                return
            writer.close()
            await writer.wait_closed()


class TestStopping:
    async def test_stop_finishes_running_requests_and_accepts_no_connection(
        self, serve: Serve, session: aiohttp.ClientSession
    ) -> None:
        application = await serve(Slow)
        slow = application.injector.get(Slow)
        url = http_url(application, "/slow")
        pending = asyncio.ensure_future(session.get(url))
        await slow.entered.wait()

        stopping = asyncio.ensure_future(application.stop())
        await refused(application.servers["http"])
        assert not stopping.done()
        slow.release.set()
        response = await pending

        assert await response.text() == "done"
        assert response.headers["Connection"] == "close"
        await stopping

    async def test_stop_waits_for_a_native_route(
        self, serve: Serve, session: aiohttp.ClientSession
    ) -> None:
        entered, release = asyncio.Event(), asyncio.Event()

        async def native(request: web.Request) -> web.Response:
            entered.set()
            await release.wait()
            return web.Response(text="native")

        @observe(ServerEvents.CONFIGURE)
        async def configure(event: ServerConfigurationEvent) -> None:
            if event.server.name == "http":
                event.server.engine.router.add_get("/native", native)

        application = await serve(Echo, listeners=[configure])
        pending = asyncio.ensure_future(session.get(http_url(application, "/native")))
        await entered.wait()
        stopping = asyncio.ensure_future(application.stop())
        await refused(application.servers["http"])
        release.set()

        assert await (await pending).text() == "native"
        assert await stopping is True

    async def test_stop_closes_the_services_of_a_cancelled_request(
        self, serve: Serve, session: aiohttp.ClientSession
    ) -> None:
        closed = asyncio.Event()

        class Session:
            async def aclose(self) -> None:
                closed.set()

        class Waiting:
            @inject
            def __init__(self, session: ProviderOf[Session]) -> None:
                self.session = session
                self.entered = asyncio.Event()

            @http("GET", "/", "waiting")
            async def waiting(self, request: Request) -> None:
                self.session.get()
                self.entered.set()
                await asyncio.Event().wait()

        def configure(binder: Binder) -> None:
            binder.bind(Session, scope=request_scope)

        application = await serve(Waiting, modules=[configure], shutdown_timeout=0.1)
        pending = asyncio.ensure_future(session.get(http_url(application)))
        await application.injector.get(Waiting).entered.wait()

        assert await application.stop() is False
        with pytest.raises(aiohttp.ClientError):
            await pending
        assert closed.is_set()

    async def test_stop_cancels_a_request_at_the_shutdown_timeout(
        self, serve: Serve, session: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
    ) -> None:
        application = await serve(Slow, shutdown_timeout=0.1)
        slow = application.injector.get(Slow)
        pending = asyncio.ensure_future(session.get(http_url(application, "/slow")))
        await slow.entered.wait()

        await application.stop()

        with pytest.raises(aiohttp.ClientError):
            await pending
        assert "not drained within 0.1 s" in caplog.text

    async def test_stop_ends_event_streams(
        self, serve: Serve, session: aiohttp.ClientSession
    ) -> None:
        application = await serve(Streams, shutdown_timeout=60.0)
        async with session.get(http_url(application, "/events")) as response:
            await response.content.readuntil(b"\n\n")
            async with asyncio.timeout(30):
                await application.stop()
            await response.read()

    async def test_stop_under_load_loses_no_response(
        self, serve: Serve, session: aiohttp.ClientSession
    ) -> None:
        """Every connection gets its last answer with ``Connection: close``."""
        application = await serve(Echo)
        url = http_url(application)
        answered = 0

        async def load() -> None:
            nonlocal answered
            while True:
                try:
                    async with session.get(url) as response:
                        assert await response.text() == "home"
                        answered += 1
                except aiohttp.ClientConnectorError:
                    return

        clients = [asyncio.ensure_future(load()) for _ in range(10)]
        await until(lambda: answered >= 50)
        await application.stop()

        await asyncio.gather(*clients)
