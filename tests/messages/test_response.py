"""Responses: status, cookies, redirects, downloads."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from http.cookies import CookieError
from pathlib import Path

import pytest

from rxkernel import (
    EventStreamResponse,
    FileResponse,
    RedirectResponse,
    Response,
    ServerSentEvent,
    StreamResponse,
)


def test_the_defaults() -> None:
    response = Response()

    assert (response.content, response.status_code, dict(response.headers)) == (None, 200, {})


@pytest.mark.parametrize("status", [0, 99, 199, 600, "200", None])
def test_a_status_that_is_none_is_refused(status: int) -> None:
    """RxStack fails at the server, when it is too late."""
    with pytest.raises(ValueError, match="from 200 to 599"):
        Response(status_code=status)


def test_a_status_cannot_be_set_wrong_later() -> None:
    response = Response()

    with pytest.raises(ValueError, match="from 200 to 599"):
        response.status_code = 1000


def test_set_cookie_writes_every_attribute() -> None:
    response = Response()
    response.set_cookie(
        "sid",
        "a b;c",
        max_age=60,
        expires=datetime(2030, 1, 2, tzinfo=UTC),
        path="/x",
        domain="example.org",
        secure=True,
        httponly=True,
        samesite="Strict",
    )
    cookie = response.headers["Set-Cookie"]

    for part in (
        'sid="a b\\073c"',
        "Max-Age=60",
        "expires=Wed, 02 Jan 2030 00:00:00 GMT",
        "Path=/x",
        "Domain=example.org",
        "Secure",
        "HttpOnly",
        "SameSite=Strict",
    ):
        assert part in cookie


def test_two_cookies_are_two_headers_and_deleting_is_a_third() -> None:
    response = Response()
    response.set_cookie("a", "1")
    response.set_cookie("b", "2")
    response.delete_cookie("c")

    assert response.headers.getall("Set-Cookie")[:2] == [
        "a=1; Path=/; SameSite=Lax",
        "b=2; Path=/; SameSite=Lax",
    ]
    assert "Max-Age=0" in response.headers.getall("Set-Cookie")[2]


def test_a_cookie_name_that_is_no_token_is_refused() -> None:
    with pytest.raises(CookieError):
        Response().set_cookie("a b", "1")


def test_a_redirect_quotes_what_a_header_cannot_hold() -> None:
    response = RedirectResponse("/a b?q=é", 303)

    assert (response.status_code, response.headers["Location"]) == (303, "/a%20b?q=%C3%A9")


def test_a_redirect_needs_a_status_that_redirects() -> None:
    with pytest.raises(ValueError, match="301, 302, 303, 307, 308"):
        RedirectResponse("/", 200)


def test_a_download_is_named_for_old_and_new_clients() -> None:
    """RFC 6266 §4.3: ``filename`` in ASCII, ``filename*`` in UTF-8."""
    assert "Content-Disposition" not in FileResponse("x.csv").headers
    plain = FileResponse("x.csv", filename='my "x".csv').headers["Content-Disposition"]
    foreign = FileResponse("x.csv", filename="é\n.csv").headers["Content-Disposition"]

    assert plain == 'attachment; filename="my \\"x\\".csv"'
    assert foreign == "attachment; filename=\"__.csv\"; filename*=UTF-8''%C3%A9%0A.csv"
    assert FileResponse("x.csv").content == Path("x.csv")


async def pieces() -> AsyncIterator[bytes]:
    yield b""


async def events() -> AsyncIterator[ServerSentEvent]:
    yield ServerSentEvent()


def test_streams_say_what_they_are_unless_told() -> None:
    told = StreamResponse(pieces(), headers={"Content-Type": "text/csv"})

    assert StreamResponse(pieces()).headers["Content-Type"] == "application/octet-stream"
    assert told.headers["Content-Type"] == "text/csv"
    assert EventStreamResponse(events()).headers["Content-Type"].startswith("text/event-stream")
