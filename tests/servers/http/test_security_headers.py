"""The security headers, and how the application replaces them."""

from collections.abc import AsyncIterator, Mapping

import aiohttp
import pytest
from aiohttp import web

from rxkernel import (
    FileResponse,
    Request,
    Response,
    ServerConfigurationEvent,
    ServerEvents,
    StreamResponse,
    http,
    observe,
)
from tests.servers.conftest import Serve, http_url
from tests.servers.raw_http import raw_http

ALL = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
}
HSTS = "Strict-Transport-Security"
ON = {"security_headers": True}


class Pages:
    @http("GET", "/", "home")
    async def home(self, request: Request) -> str:
        return "home"

    @http("GET", "/own", "own")
    async def own(self, request: Request) -> Response:
        return Response("own", headers={n: request.params[n] for n in request.params})

    @http("GET", "/broken", "broken")
    async def broken(self, request: Request) -> None:
        raise RuntimeError

    @http("GET", "/file", "file")
    async def file(self, request: Request) -> FileResponse:
        return FileResponse(__file__)

    @http("GET", "/stream", "stream")
    async def stream(self, request: Request) -> StreamResponse:
        async def pieces() -> AsyncIterator[str]:
            yield "x"

        return StreamResponse(pieces())

    @observe(ServerEvents.CONFIGURE)
    async def native(self, event: ServerConfigurationEvent) -> None:
        async def answer(native: web.Request) -> web.Response:
            raise web.HTTPConflict

        if isinstance(event.server.engine, web.Application):
            event.server.engine.router.add_get("/native", answer)


def security_headers(response: aiohttp.ClientResponse) -> dict[str, str]:
    return {name: response.headers[name] for name in (*ALL, HSTS) if name in response.headers}


@pytest.mark.parametrize(
    "path",
    ["", "broken", "nowhere", "file", "stream", "native", "socket.io/?EIO=4&transport=polling"],
)
async def test_security_headers_are_on_every_response(
    serve: Serve, session: aiohttp.ClientSession, path: str
) -> None:
    url = http_url(await serve(Pages, http=ON))

    async with session.get(url + path) as response:
        assert security_headers(response) == ALL
        assert "Server" not in response.headers, "the header shows versions"


async def test_security_headers_are_on_separate_socketio_port(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    application = await serve(Pages, http=ON, socketio={"port": 0})
    url = application.servers["socketio"].url

    async with session.get(f"{url}/socket.io/?EIO=4&transport=polling") as response:
        assert security_headers(response) == ALL


async def test_security_headers_off_sends_none(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    async with session.get(http_url(await serve(Pages))) as response:
        assert security_headers(response) == {}


@pytest.mark.parametrize(
    ("own", "changed"),
    [
        pytest.param(
            {"X-Frame-Options": "SAMEORIGIN"},
            {"Content-Security-Policy": None},
            id="frame-options",
        ),
        pytest.param({"Content-Security-Policy": "default-src 'self'"}, {}, id="policy"),
        pytest.param(
            {"Content-Security-Policy": "default-src 'self'; Frame-Ancestors https://a.example"},
            {"X-Frame-Options": None},
            id="policy-with-frame-ancestors",
        ),
        pytest.param({"Referrer-Policy": "no-referrer"}, {}, id="referrer-policy"),
        pytest.param({"X-Content-Type-Options": "other"}, {}, id="content-type-options"),
    ],
)
async def test_security_headers_of_application_are_kept(
    serve: Serve,
    session: aiohttp.ClientSession,
    own: dict[str, str],
    changed: Mapping[str, str | None],
) -> None:
    """No header is added that contradicts them: browsers prefer frame-ancestors to
    X-Frame-Options (Content Security Policy Level 3, section 6.4.2)."""
    url = http_url(await serve(Pages, http=ON), "/own")

    async with session.get(url, params=own) as response:
        expected = {**ALL, **own, **changed}
        assert security_headers(response) == {n: v for n, v in expected.items() if v is not None}


@pytest.mark.parametrize(
    ("proxies", "scheme", "is_told"),
    [
        (("127.0.0.1",), "https", True),
        (("127.0.0.1",), "http", False),
        (("127.0.0.1",), None, False),
        ((), "https", False),
    ],
)
async def test_hsts_is_sent_behind_trusted_https_proxy_only(
    serve: Serve,
    session: aiohttp.ClientSession,
    proxies: tuple[str, ...],
    scheme: str | None,
    is_told: bool,
) -> None:
    """RFC 6797 section 7.2: it must not be sent without TLS."""
    url = http_url(await serve(Pages, http={**ON, "trusted_proxies": proxies}))
    headers = {} if scheme is None else {"X-Forwarded-Proto": scheme}

    async with session.get(url, headers=headers) as response:
        assert response.headers.get(HSTS) == ("max-age=31536000" if is_told else None)


async def test_server_header_of_application_is_kept(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    url = http_url(await serve(Pages, http=ON))

    async with session.get(f"{url}own", params={"Server": "shop"}) as response:
        assert response.headers["Server"] == "shop"


async def test_response_to_malformed_request_contains_no_version(serve: Serve) -> None:
    async with raw_http(await serve(Pages, http={"security_headers": True})) as client:
        await client.send(b"nonsense\r\n\r\n")
        answer = await client.answer()
    assert answer.status == 400
    assert "server" not in answer.headers
