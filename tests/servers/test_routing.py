"""Routing over HTTP, on both paths: converters, constraints of host and headers, URLs."""

import asyncio
import logging
from typing import Any

import aiohttp
import pytest

from rxkernel import (
    Converter,
    ExceptionEvent,
    FileResponse,
    KernelEvents,
    NotFoundException,
    Request,
    Response,
    StreamResponse,
    http,
    observe,
    websocket,
)
from rxkernel.servers.aiohttp.server import HttpServer
from tests.servers.conftest import Serve, http_url
from tests.servers.socketio_clients import client
from tests.waiting import until


class Codes:
    @http("GET", "/codes/{code:code}", "code")
    async def code(self, request: Request) -> Any:
        return request.params["code"]


def read_code(text: str) -> int:
    """``c7`` is 7; ``c`` alone does not match, and anything else raises KeyError."""
    if text == "c":
        raise ValueError(text)
    return {"c7": 7}[text]


CODES = {"code": Converter("c[a-z0-9]*", read_code)}


async def test_converter_mismatch_over_http_is_404(
    serve: Serve, session: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    application = await serve(Codes, converters=CODES)

    async with session.get(http_url(application, "/codes/c7?code=9")) as response:
        assert (response.status, await response.json()) == (200, 7)
    for unknown in ("/codes/c", "/codes/7", "/codes/c%2F"):
        async with session.get(http_url(application, unknown)) as response:
            assert response.status == 404
    assert not caplog.records


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "TRACE"])
async def test_converter_that_raises_is_logged_500(
    serve: Serve, session: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture, method: str
) -> None:
    application = await serve(Codes, converters=CODES)

    async with session.request(method, http_url(application, "/codes/cx")) as response:
        assert response.status == 500
        assert await response.json() == {"statusCode": 500, "message": "Internal Server Error"}
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], KeyError)


V1, V2 = {"Accept-Version": "1"}, {"Accept-Version": "2"}


class Versions:
    """``/articles`` in two versions and without one; ``/news`` in one version only."""

    @http("GET", "/articles", "articles")
    async def plain(self, request: Request) -> Any:
        return "plain"

    @http("GET", "/articles", "articles_1", headers=V1)
    async def one(self, request: Request) -> Any:
        raise NotFoundException("gone in 1")

    @http("GET", "/articles", "articles_2", headers=V2)
    async def two(self, request: Request) -> Any:
        async def pieces() -> Any:
            yield b"two"

        return StreamResponse(pieces())

    @http("GET", "/news", "news_2", headers=V2)
    async def news(self, request: Request) -> Any:
        return Response("news", 200, {"Vary": "Cookie"})

    @http("POST", "/news", "news_add")
    async def add(self, request: Request) -> Any:
        return "added"

    @http("GET", "/file", "file_2", headers=V2)
    async def file(self, request: Request) -> Any:
        return FileResponse(__file__)

    @http("GET", "/other", "other")
    async def other(self, request: Request) -> Any:
        return "other"


@pytest.mark.parametrize(
    ("method", "path", "headers", "status", "text", "vary"),
    [
        ("GET", "/articles", {}, 200, "plain", "Accept-Version"),
        ("GET", "/articles?x=1", {"Accept-Version": "3"}, 200, "plain", "Accept-Version"),
        ("GET", "/articles/", V1, 404, None, "Accept-Version"),
        ("GET", "/articles", V2, 200, "two", "Accept-Version"),
        ("HEAD", "/articles", V2, 200, "", "Accept-Version"),
        ("POST", "/articles", V2, 405, None, None),
        ("GET", "/news", V2, 200, "news", "Cookie, Accept-Version"),
        ("GET", "/news", {}, 404, None, "Accept-Version"),
        ("HEAD", "/news", {}, 404, "", "Accept-Version"),
        ("POST", "/news", {}, 200, "added", None),
        ("OPTIONS", "/news", {}, 204, "", None),
        ("GET", "/file", V2, 200, None, "Accept-Version"),
        ("GET", "/other", V2, 200, "other", None),
        ("GET", "/none", V2, 404, None, None),
    ],
)
async def test_headers_select_route_and_response_has_vary(
    serve: Serve,
    session: aiohttp.ClientSession,
    method: str,
    path: str,
    headers: dict[str, str],
    status: int,
    text: str | None,
    vary: str | None,
) -> None:
    """RFC 9110 §12.5.5: the same URL with other headers has another response."""
    application = await serve(Versions)
    url = http_url(application, path)

    async with session.request(method, url, headers=headers) as response:
        answer = await response.text()
        assert (response.status, response.headers.get("Vary")) == (status, vary)
        assert text is None or answer == text
        if status in (204, 405):
            allowed = "GET, HEAD, OPTIONS" if path == "/articles" else "GET, HEAD, OPTIONS, POST"
            assert response.headers["Allow"] == allowed


async def test_vary_of_header_mismatch_is_kept_on_listener_response(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    class Errors:
        @observe(KernelEvents.KERNEL_EXCEPTION)
        async def answer(self, event: ExceptionEvent) -> None:
            event.set_response(Response("none", 404, {"Vary": "Cookie"}))

    application = await serve(Versions, listeners=[Errors])

    async with session.get(http_url(application, "/news")) as response:
        assert (response.status, await response.text()) == (404, "none")
        assert response.headers["Vary"] == "Cookie, Accept-Version"


async def test_preflight_allows_methods_of_routes_with_headers(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    """Fetch Standard: a browser names the headers that it will send, but not their values."""
    application = await serve(Versions, http={"origins": ("https://page.example",)})
    asked = {
        "Origin": "https://page.example",
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "accept-version",
    }

    async with session.options(http_url(application, "/news"), headers=asked) as response:
        assert response.status == 204
        assert response.headers["Access-Control-Allow-Methods"] == "GET, HEAD, OPTIONS, POST"
        assert response.headers["Access-Control-Allow-Headers"] == "accept-version"
    page = {"Origin": "https://page.example", **V2}
    async with session.get(http_url(application, "/news"), headers=page) as response:
        assert response.headers["Vary"] == "Cookie, Accept-Version, Origin"


async def test_vary_follows_reload(serve: Serve, session: aiohttp.ClientSession) -> None:
    class Plain:
        @http("GET", "/plain", "plain")
        async def plain(self, request: Request) -> Any:
            return "plain"

    class Second:
        @http("GET", "/plain", "plain_2", headers=V2)
        async def second(self, request: Request) -> Any:
            return "second"

    application = await serve(Plain)
    seen = []
    changes: list[dict[str, Any]] = [{}, {"controllers": [Second]}, {"remove": [Second]}]
    for change in changes:
        await application.reload(**change)
        async with session.get(http_url(application, "/plain"), headers=V2) as response:
            seen.append((await response.text(), response.headers.get("Vary")))

    assert seen == [("plain", None), ("second", "Accept-Version"), ("plain", None)]


class Hosts:
    @http("GET", "/", "index")
    async def index(self, request: Request) -> Any:
        return "index"

    @http("GET", "/", "admin_index", host="admin.example.com")
    async def admin(self, request: Request) -> Any:
        return "admin"

    @http("GET", "/", "tenant_index", host="*.tenants.example.com")
    async def tenant(self, request: Request) -> Any:
        return "tenant"

    @http("POST", "/jobs/{id:int}", "job_add", host="admin.example.com")
    async def add(self, request: Request) -> Any:
        return request.params["id"]


@pytest.mark.parametrize(
    ("method", "path", "host", "status", "text"),
    [
        ("GET", "/", "example.com", 200, "index"),
        ("GET", "/", "ADMIN.example.com.:8080", 200, "admin"),
        ("GET", "/", "a.tenants.example.com", 200, "tenant"),
        ("GET", "/", "tenants.example.com", 200, "index"),
        ("GET", "/", "not a host", 200, "index"),
        ("POST", "/jobs/7", "admin.example.com", 200, "7"),
        ("POST", "/jobs/7", "example.com", 404, None),
        ("OPTIONS", "/jobs/7", "example.com", 404, None),
        ("OPTIONS", "/jobs/7", "admin.example.com", 204, ""),
        ("GET", "/jobs/7", "admin.example.com", 405, None),
    ],
)
async def test_host_selects_route(
    serve: Serve,
    session: aiohttp.ClientSession,
    method: str,
    path: str,
    host: str,
    status: int,
    text: str | None,
) -> None:
    application = await serve(Hosts)
    sent = {"Host": host}

    async with session.request(method, http_url(application, path), headers=sent) as response:
        answer = await response.text()
        assert (response.status, "Vary" in response.headers) == (status, False)
        assert text is None or answer == text


@pytest.mark.parametrize(("proxies", "text"), [(("127.0.0.1",), "admin"), ((), "index")])
async def test_host_behind_trusted_proxy_selects_route(
    serve: Serve, session: aiohttp.ClientSession, proxies: tuple[str, ...], text: str
) -> None:
    application = await serve(Hosts, http={"trusted_proxies": proxies})
    sent = {"X-Forwarded-Host": "admin.example.com", "Host": "inner"}

    async with session.get(http_url(application), headers=sent) as response:
        assert await response.text() == text


async def test_absolute_target_sets_host(serve: Serve, session: aiohttp.ClientSession) -> None:
    """RFC 9112 §3.2.2: the host of the target has precedence."""
    application = await serve(Hosts)
    port = application.servers["http"].port
    request = "GET http://admin.example.com/ HTTP/1.1\r\nHost: admin.example.com\r\n\r\n"

    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request.encode())
    head = await reader.readuntil(b"\r\n\r\n")
    body = await reader.readexactly(5)
    writer.close()
    await writer.wait_closed()

    assert head.startswith(b"HTTP/1.1 200 ")
    assert body == b"admin"


class Linked:
    """Returns its URLs, over both transports and for requests without a route."""

    @http("GET", "/linked", "linked")
    @http("POST", "/linked", "linked_post")
    @websocket("linked")
    async def linked(self, request: Request) -> Any:
        return [request.base_url, request.url_for("linked", page=2)]

    @observe(KernelEvents.KERNEL_EXCEPTION)
    async def unmatched(self, event: ExceptionEvent) -> None:
        event.set_response(Response([event.request.base_url, event.request.url_for("linked")]))


FORWARDED = {"X-Forwarded-Host": "example.com", "X-Forwarded-Proto": "https", "Host": "inner:81"}


@pytest.mark.parametrize(
    ("headers", "proxies", "origin"),
    [
        ({"Host": "EXAMPLE.com:8443"}, (), "http://example.com:8443"),
        (FORWARDED, (), "http://inner:81"),
        (FORWARDED, ("127.0.0.1",), "https://example.com"),
        (FORWARDED, ("10.0.0.0/8",), "http://inner:81"),
        ({"X-Forwarded-Proto": "wss", "Host": "a.com:443"}, ("127.0.0.1",), "https://a.com"),
        (
            {"X-Forwarded-Host": "evil, b.com:8443", "Host": "i"},
            ("127.0.0.1",),
            "http://b.com:8443",
        ),
        ({"X-Forwarded-Host": "<b>", "Host": "i"}, ("127.0.0.1",), "http://localhost"),
        ({"Host": "not a host"}, (), "http://localhost"),
    ],
)
async def test_urls_have_host_of_request(
    serve: Serve,
    session: aiohttp.ClientSession,
    headers: dict[str, str],
    proxies: tuple[str, ...],
    origin: str,
) -> None:
    http = {"trusted_proxies": proxies, "prefix": "/api"}
    application = await serve(Linked, http=http)

    for path in ("/linked", "/none"):
        url = http_url(application, f"/api{path}")
        async with session.get(url, headers=headers) as response:
            base, link = await response.json()
        assert base == f"{origin}/api"
        assert link == f"{origin}/api/linked" + ("?page=2" if path == "/linked" else "")


async def test_urls_over_socket_have_host_of_handshake(serve: Serve) -> None:
    application = await serve(Linked, http={"trusted_proxies": ("127.0.0.1",), "prefix": "/api"})

    for transport in ("websocket", "polling"):
        async with client(application, headers=FORWARDED, transports=[transport]) as socket:
            answer = await socket.call("linked")
            unknown = await socket.call("none")
        assert answer["content"] == [
            "https://example.com/api",
            "https://example.com/api/linked?page=2",
        ]
        assert unknown["content"] == ["https://example.com/api", "https://example.com/api/linked"]


async def test_urls_over_separate_socket_port_have_that_port(serve: Serve) -> None:
    application = await serve(Linked, socketio={"port": 0})

    async with client(application) as socket:
        answer = await socket.call("linked")

    assert answer["content"][0] == f"http://127.0.0.1:{application.servers['socketio'].port}"


async def test_urls_without_host_have_localhost(serve: Serve) -> None:
    """HTTP/1.0 requires no Host."""
    application = await serve(Linked)

    reader, writer = await asyncio.open_connection("127.0.0.1", application.servers["http"].port)
    writer.write(b"GET /linked HTTP/1.0\r\n\r\n")
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()

    assert answer.endswith(b'["http://localhost","http://localhost/linked?page=2"]')


@pytest.mark.parametrize("body", [b"", b"x"])
async def test_urls_after_client_has_disconnected_are_unchanged(serve: Serve, body: bytes) -> None:
    """An action may build a link for a mail after its client has disconnected."""
    begun, gone, urls = asyncio.Event(), asyncio.Event(), []

    class Slow:
        @http("POST", "/slow", "slow")
        async def slow(self, request: Request) -> None:
            begun.set()
            await gone.wait()
            urls.append(request.url_for("slow"))

    application = await serve(Slow, http={"trusted_proxies": ("127.0.0.1",)})
    head = "".join(f"{name}: {value}\r\n" for name, value in FORWARDED.items())
    _, writer = await asyncio.open_connection("127.0.0.1", application.servers["http"].port)
    length = f"Content-Length: {len(body)}\r\n"
    writer.write(f"POST /slow HTTP/1.1\r\n{head}{length}\r\n".encode() + body)
    await begun.wait()
    writer.transport.abort()
    server = application.servers["http"]
    assert isinstance(server, HttpServer)
    await until(lambda: server.connections.quota.used == 0)
    gone.set()
    await until(lambda: urls)

    assert urls == ["https://example.com/slow"]
