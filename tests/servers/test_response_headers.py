"""Headers, redirects and cookies that contain what users have sent."""

import logging

import aiohttp
import pytest
from yarl import URL

from rxkernel import (
    RedirectResponse,
    Request,
    Response,
    TooManyRequestsException,
    http,
)
from tests.servers.conftest import Serve, http_url


class FromUsers:
    """Puts data of users into headers, redirects and cookies."""

    @http("POST", "/header/{way}", "header")
    async def header(self, request: Request) -> Response:
        value = request.body
        match request.params["way"]:
            case "constructor":
                return Response("x", headers={"X-User": value})
            case "item":
                response = Response("x")
                response.headers["X-User"] = value
            case "name":
                response = Response("x", headers={value: "x"})
            case "exception":
                raise TooManyRequestsException(headers={"X-User": value})
            case "cookie-path":
                response = Response("x")
                response.set_cookie("sid", "x", path=value)
            case _:
                raise NotImplementedError
        return response

    @http("GET", "/framed", "framed")
    async def framed(self, request: Request) -> Response:
        content = "x" if request.method == "GET" else None
        return Response(content, headers=dict(request.params))

    @http("POST", "/redirect", "redirect")
    async def redirect(self, request: Request) -> Response:
        return RedirectResponse(request.body, hosts=["example.org"])

    @http("POST", "/cookie", "cookie")
    async def cookie(self, request: Request) -> Response:
        response = Response("x")
        response.set_cookie(request.param("name", str), request.body)
        return response


@pytest.mark.parametrize(
    ("way", "value"),
    [
        pytest.param("constructor", "a\r\nX-Evil: 1", id="CRLF-constructor"),
        pytest.param("item", "a\r\nX-Evil: 1", id="CRLF-item"),
        pytest.param("exception", "a\r\nX-Evil: 1", id="CRLF-exception"),
        pytest.param("cookie-path", "/\r\nX-Evil: 1", id="CRLF-cookie-path"),
        pytest.param("item", "a\r\n\r\n<script>", id="CRLF-body"),
        pytest.param("item", "a\nX-Evil: 1", id="LF"),
        pytest.param("item", "a\rX-Evil: 1", id="CR"),
        pytest.param("item", "a\0", id="NUL"),
        pytest.param("item", "a\x1b[2J", id="escape"),
        pytest.param("name", "X-Evil: 1\r\nX", id="name"),
    ],
)
async def test_response_header_with_a_control_character_is_500(
    serve: Serve,
    session: aiohttp.ClientSession,
    caplog: pytest.LogCaptureFixture,
    way: str,
    value: str,
) -> None:
    """Plain aiohttp closes the connection without a response."""
    application = await serve(FromUsers)

    async with session.post(http_url(application, f"/header/{way}"), data=value) as response:
        assert (response.status, await response.json()) == (
            500,
            {"statusCode": 500, "message": "Internal Server Error"},
        )
        assert not {"X-Evil", "X-User", "Set-Cookie"} & set(response.headers)
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    async with session.post(http_url(application, "/header/item"), data="fine") as response:
        assert response.headers["X-User"] == "fine"


@pytest.mark.parametrize(
    "header",
    [
        pytest.param("Content-Length=100", id="length-too-long"),
        pytest.param("Content-Length=0", id="length-too-short"),
        pytest.param("Content-Length=x", id="length-no-number"),
        pytest.param("Transfer-Encoding=chunked", id="chunked-that-is-not"),
    ],
)
async def test_framing_headers_of_the_action_are_replaced(
    serve: Serve, session: aiohttp.ClientSession, header: str
) -> None:
    """RFC 9112 §6.3: a client would wait, or read the rest as the next response."""
    url = http_url(await serve(FromUsers), f"/framed?{header}")
    for _ in range(2):
        async with session.get(url) as response:
            assert (response.status, await response.text()) == (200, "x")
            assert response.headers["Content-Length"] == "1"
            assert "Transfer-Encoding" not in response.headers


async def test_content_length_of_the_action_is_kept_for_head(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    """RFC 9110 §9.3.2."""
    url = http_url(await serve(FromUsers), "/framed?Content-Length=100")
    async with session.head(url) as response:
        assert response.headers["Content-Length"] == "100"


@pytest.mark.parametrize(
    "target",
    [
        pytest.param("//evil", id="two-slashes"),
        pytest.param("///evil", id="three-slashes"),
        pytest.param("https:evil", id="scheme-without-slashes"),
        pytest.param("https://evil", id="other-site"),
        pytest.param("https://example.org@evil", id="userinfo"),
        pytest.param("https://example.org.evil", id="longer-host"),
        pytest.param("\\\\evil", id="backslashes"),
        pytest.param("/\\evil", id="slash-backslash"),
        pytest.param("%2f%2fevil", id="encoded"),
        pytest.param("%5c%5cevil", id="encoded-backslashes"),
        pytest.param("/\t/evil", id="tab"),
        pytest.param(" //evil", id="space"),
        pytest.param("javascript:alert(1)", id="javascript"),
        pytest.param("java\nscript:alert(1)", id="javascript-in-two-lines"),
        pytest.param("/x\r\nX-Evil: 1", id="CRLF"),
    ],
)
async def test_redirect_to_another_site_is_400(
    serve: Serve, session: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture, target: str
) -> None:
    """Plain aiohttp responds with 302."""
    application = await serve(FromUsers)
    url = http_url(application, "/redirect")

    async with session.post(url, data=target, allow_redirects=False) as response:
        assert response.status == 400
        assert "hosts=" in (await response.json())["message"]
        assert "Location" not in response.headers
    for fine in ("/home", "https://example.org/home"):
        async with session.post(url, data=fine, allow_redirects=False) as response:
            assert (response.status, response.headers["Location"]) == (302, fine)
    assert not caplog.records, "the log line is not shortened"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param("sid", "x" * 8192, id="set-8-KB"),
        pytest.param("__Host-sid", "x", id="set-host-prefix"),
        pytest.param("__secure-sid", "x", id="set-secure-prefix"),
        pytest.param("a b", "x", id="set-no-token"),
        pytest.param("a;b", "x", id="set-semicolon"),
        pytest.param("", "x", id="set-no-name"),
    ],
)
async def test_cookie_that_browsers_reject_is_500(
    serve: Serve, session: aiohttp.ClientSession, name: str, value: str
) -> None:
    application = await serve(FromUsers)
    url = URL(http_url(application, "/cookie")).with_query(name=name)

    async with session.post(url, data=value) as response:
        assert response.status == 500
        assert "Set-Cookie" not in response.headers


async def test_cookie_value_cannot_add_an_attribute(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    application = await serve(FromUsers)
    url = http_url(application, "/cookie?name=sid")

    async with session.post(url, data='x"; Domain=evil; a="') as response:
        assert response.status == 200
        assert response.headers["Set-Cookie"].count(";") == 2  # Path, SameSite
    async with session.post(url, data="x\r\nX-Evil: 1") as response:
        assert response.status == 500
        assert not {"Set-Cookie", "X-Evil"} & set(response.headers)
