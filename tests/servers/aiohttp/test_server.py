"""HTTP over a real connection."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import attrs
import pytest
from aiohttp import web
from yarl import URL

from rxkernel import (
    ClientAddress,
    ExceptionEvent,
    FileResponse,
    KernelEvents,
    RedirectResponse,
    Request,
    Response,
    ResponseEvent,
    ServerConfigurationEvent,
    ServerEvents,
    StreamResponse,
    TerminateEvent,
    http,
    observe,
)
from tests.servers.conftest import Serve, http_url
from tests.servers.echo import Echo


@attrs.frozen
class Point:
    x: int
    y: float


class Site(Echo):
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
    application = await serve(Site)

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
    application = await serve(Site)
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
    """RxStack sends a str as text/html, so reflected input could run as a script."""
    application = await serve(Site)

    async with session.get(http_url(application, f"/content/{kind}")) as response:
        assert (response.status, response.headers["Content-Type"]) == (status, content_type)
        assert await response.read() == body


async def test_response_without_content_has_an_empty_body(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    application = await serve(Site)

    async with session.get(http_url(application, "/content/none")) as response:
        assert (response.status, await response.read()) == (200, b"")
        assert response.headers["Content-Length"] == "0"
    async with session.get(http_url(application, "/content/gone")) as response:
        assert (response.status, await response.read()) == (204, b"")


async def test_response_that_cannot_be_encoded_is_500_and_logged(
    serve: Serve, session: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    application = await serve(Site)

    async with session.get(http_url(application, "/content/object")) as response:
        assert response.status == 500
        assert await response.json() == {"statusCode": 500, "message": "Internal Server Error"}
    async with session.get(http_url(application)) as response:
        assert response.status == 200
    assert len(caplog.records) == 1


async def test_head_is_get_without_the_body(serve: Serve, session: aiohttp.ClientSession) -> None:
    application = await serve(Site)

    async with session.head(http_url(application)) as response:
        assert (response.status, await response.read()) == (200, b"")
        assert response.headers["Content-Length"] == "4"


async def test_options_lists_the_methods_of_the_path(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    application = await serve(Site)

    async with session.options(http_url(application, "/users/1")) as response:
        assert (response.status, response.headers["Allow"]) == (204, "GET, HEAD, OPTIONS")


async def test_redirect_unknown_path_and_unknown_method(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    application = await serve(Site)
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
    application = await serve(Site)

    async with session.get(URL(http_url(application) + path, encoded=True)) as response:
        assert response.headers["Content-Type"] == "application/json"
        assert response.status in (404, 500)


async def test_exception_listener_shapes_every_error(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    """One listener replaces the responses of 404, 405, 400, 413 and 415."""

    class Shape:
        @observe(KernelEvents.KERNEL_EXCEPTION)
        async def shape(self, event: ExceptionEvent) -> None:
            status = getattr(event.exception, "status_code", 500)
            event.set_response(Response({"shaped": status}, status))

        @observe(KernelEvents.KERNEL_RESPONSE)
        async def stamp(self, event: ResponseEvent) -> None:
            event.response.headers["X-Stamp"] = "yes"

    application = await serve(Site, listeners=[Shape], http={"body_limit": 10})
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


async def test_prefix_is_required_for_every_route(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    application = await serve(Site, http={"prefix": "/api"})

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
    @http("GET", "/count", "count")
    async def count(self, request: Request) -> StreamResponse:
        return StreamResponse(self.numbers())

    async def numbers(self) -> AsyncIterator[str]:
        for number in range(3):
            yield f"{number}\n"


async def test_terminate_listener_runs_after_the_response(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    seen: asyncio.Queue[tuple[str | None, int]] = asyncio.Queue()

    class After:
        @observe(KernelEvents.KERNEL_TERMINATE)
        async def after(self, event: TerminateEvent) -> None:
            seen.put_nowait((event.request.route_name, event.response.status_code))

    application = await serve(Site, Streams, listeners=[After])
    for path in ("/", "/count", "/nowhere"):
        async with session.get(http_url(application, path)) as response:
            await response.read()

    async with asyncio.timeout(10):
        assert [await seen.get(), await seen.get()] == [("index", 200), ("count", 200)]
    assert seen.empty(), "a request without a definition ran the terminate phase"


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

    application = await serve(Site, listeners=[Native])
    for path, text in {"/native": "native", "/": "home"}.items():
        async with session.get(http_url(application, path)) as response:
            assert (await response.text(), response.headers["X-Middleware"]) == (text, "yes")
