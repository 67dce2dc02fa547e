"""Responses: status, cookies, redirects, downloads."""

import math
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from http import HTTPStatus
from http.cookies import CookieError
from pathlib import Path
from typing import Any

import pytest

from rxkernel import (
    Acknowledgement,
    EventStreamResponse,
    FileResponse,
    NotFoundException,
    RedirectResponse,
    Response,
    ServerSentEvent,
    StreamResponse,
)


def test_response_without_arguments_has_defaults() -> None:
    response = Response()

    assert (response.content, response.status_code, dict(response.headers)) == (None, 200, {})


@pytest.mark.parametrize("status", [0, 99, 199, 600, "200", None])
def test_status_code_invalid_raises_error(status: int) -> None:
    """RxStack fails only in the server, when the response is sent."""
    with pytest.raises(ValueError, match="from 200 to 599"):
        Response(status_code=status)


def test_status_code_set_invalid_raises_error() -> None:
    response = Response()

    with pytest.raises(ValueError, match="from 200 to 599"):
        response.status_code = 1000


def test_status_code_set_invalid_keeps_previous() -> None:
    response = Response(status_code=201)

    with pytest.raises(ValueError, match="status_code is '404'"):
        response.status_code = "404"  # type: ignore[assignment]
    response.status_code = HTTPStatus.ACCEPTED

    assert response.status_code == 202


def test_has_headers_does_not_create_headers() -> None:
    touched, replaced, emptied = Response(), Response(), Response(headers={"A": "1"})
    assert not touched.has_headers
    assert emptied.has_headers

    touched.headers["A"] = "1"
    replaced.headers = {"A": "1"}
    emptied.headers.clear()

    assert (touched.has_headers, replaced.has_headers, emptied.has_headers) == (True, True, False)


def test_headers_are_one_object() -> None:
    response = Response()

    assert response.headers is response.headers


def test_response_repr_shows_arguments() -> None:
    shown = repr(RedirectResponse("/x", 303))

    assert shown.startswith("RedirectResponse(content=None, status_code=303, headers=<")
    assert "'Location': '/x'" in shown


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


def test_set_cookie_and_delete_cookie_add_one_header_each() -> None:
    response = Response()
    response.set_cookie("a", "1")
    response.set_cookie("b", "2")
    response.delete_cookie("c")

    assert response.headers.getall("Set-Cookie")[:2] == [
        "a=1; Path=/; SameSite=Lax",
        "b=2; Path=/; SameSite=Lax",
    ]
    assert "Max-Age=0" in response.headers.getall("Set-Cookie")[2]


def test_set_cookie_name_invalid_raises_error() -> None:
    with pytest.raises(CookieError):
        Response().set_cookie("a b", "1")


def test_redirect_location_is_quoted() -> None:
    response = RedirectResponse("/a b?q=é", 303)

    assert (response.status_code, response.headers["Location"]) == (303, "/a%20b?q=%C3%A9")


def test_redirect_status_code_invalid_raises_error() -> None:
    with pytest.raises(ValueError, match="301, 302, 303, 307, 308"):
        RedirectResponse("/", 200)


@pytest.mark.parametrize(
    ("filename", "disposition"),
    [
        ("x.csv", 'filename="x.csv"'),
        ('my "x".csv', 'filename="my \\"x\\".csv"'),
        ("é.csv", "filename=\"_.csv\"; filename*=UTF-8''%C3%A9.csv"),
        ("100%25.csv", "filename=\"100%25.csv\"; filename*=UTF-8''100%2525.csv"),
    ],
)
def test_file_filename_is_sent_in_both_forms(filename: str, disposition: str) -> None:
    """RFC 6266 §4.3 and appendix D: ``filename`` in ASCII, ``filename*`` in UTF-8."""
    saved = FileResponse("x", filename=filename)
    shown = FileResponse("x", filename=filename, inline=True)

    assert saved.headers["Content-Disposition"] == f"attachment; {disposition}"
    assert shown.headers["Content-Disposition"] == f"inline; {disposition}"


@pytest.mark.parametrize("filename", ["", ".", "..", "a/b", "a\\b", "a\r\nX: 1", "\x7f", "\ud800"])
def test_file_filename_invalid_raises_error(filename: str) -> None:
    with pytest.raises(ValueError, match="without folders and control characters"):
        FileResponse("x.csv", filename=filename)


@pytest.mark.parametrize(
    ("path", "filename", "content_type"),
    [
        ("a/index.HTML", None, "text/html; charset=utf-8"),
        ("x.js", None, "text/javascript; charset=utf-8"),
        ("x.woff2", None, "font/woff2"),
        ("x.xml", None, "application/xml"),
        ("x.tar.gz", None, "application/gzip"),
        ("x.xyz", None, "application/octet-stream"),
        ("README", None, "application/octet-stream"),
        ("blobs/17", "report.csv", "text/csv; charset=utf-8"),
    ],
)
def test_file_content_type_is_the_type_of_its_suffix(
    path: str, filename: str | None, content_type: str
) -> None:
    """aiohttp reads the type from tables of the operating system, which differ."""
    response = FileResponse(path, filename=filename)

    assert response.headers["Content-Type"] == content_type
    assert response.content == Path(path)


def test_file_keeps_headers_of_action() -> None:
    given = {"Content-Type": "text/html; charset=latin-1", "Content-Disposition": "inline"}

    headers = FileResponse("x.txt", headers=given, filename="x.txt").headers

    assert dict(headers) == given


@pytest.mark.parametrize("name", ["app.js", "a/b.c", "12:30.log", "a b", "x.bakery", "tmp", "é"])
def test_file_below_root_keeps_path(name: str) -> None:
    assert FileResponse(name, root="site").content == Path("site", name)


@pytest.mark.parametrize("name", ["", "../x", "a/../../x", "/etc/passwd", ".env", "a~", "C:x"])
def test_file_hidden_or_outside_root_is_not_found(name: str) -> None:
    """Over HTTP: tests/servers/aiohttp/response/test_file_requests.py."""
    with pytest.raises(NotFoundException):
        FileResponse(name, root="site")


async def pieces() -> AsyncIterator[bytes]:
    yield b""


async def events() -> AsyncIterator[ServerSentEvent]:
    yield ServerSentEvent()


def test_stream_content_type_has_default() -> None:
    custom = StreamResponse(pieces(), headers={"Content-Type": "text/csv"})

    assert StreamResponse(pieces()).headers["Content-Type"] == "application/octet-stream"
    assert custom.headers["Content-Type"] == "text/csv"
    assert EventStreamResponse(events()).headers["Content-Type"].startswith("text/event-stream")


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("__Secure-sid", {}, "needs secure=True"),
        ("__Host-sid", {}, "needs secure=True"),
        ("__HOST-sid", {}, "needs secure=True"),
        ("__Host-sid", {"secure": True, "domain": "example.org"}, "no domain"),
        ("__Host-sid", {"secure": True, "path": "/x"}, 'path="/"'),
        ("sid", {"samesite": "None"}, "needs secure=True"),
        ("sid", {"path": "/; Domain=example.org"}, "the path of cookie 'sid'"),
        ("sid", {"domain": "x; Secure"}, "the domain of cookie 'sid'"),
        ("sid", {"path": "/\r\nX-Evil: 1"}, "header 'Set-Cookie'"),
    ],
)
def test_set_cookie_dropped_by_browsers_raises_error(
    name: str, options: dict[str, Any], message: str
) -> None:
    """RFC 6265bis §4.1.3, §5.7."""
    with pytest.raises(ValueError, match=re.escape(message)):
        Response().set_cookie(name, "x", **options)


def test_cookie_with_prefix_is_set_and_deleted() -> None:
    response = Response()
    response.set_cookie("__Host-sid", "x", secure=True)
    response.set_cookie("__Secure-sid", "x", secure=True, domain="example.org", samesite="None")
    response.delete_cookie("__Host-sid")

    cookies = response.headers.getall("Set-Cookie")
    assert cookies[0] == "__Host-sid=x; Path=/; SameSite=Lax; Secure"
    assert "SameSite=None; Secure" in cookies[1]
    assert cookies[2] == '__Host-sid=""; Max-Age=0; Path=/; SameSite=Lax; Secure'


def test_set_cookie_above_4096_bytes_raises_error() -> None:
    response = Response()
    response.set_cookie("sid", "x" * 4093)

    with pytest.raises(ValueError, match="'sid' has 4097 bytes; browsers keep no more than 4096"):
        response.set_cookie("sid", "x" * 4094)
    with pytest.raises(ValueError, match="4101 bytes"):
        response.set_cookie("sid", "é" * 1024)  # each é becomes \351, in quotes


@pytest.mark.parametrize("value", ["a\nb", "\0", "\x1b[2J", "\ud800"])
def test_set_cookie_value_with_control_character_raises_error(value: str) -> None:
    with pytest.raises(ValueError, match="the value of cookie 'sid' has a control character"):
        Response().set_cookie("sid", value)


@pytest.mark.parametrize("tag", ["", "a b", 'a"b', '"a"', "a\r\nb", "日"])
def test_set_etag_invalid_raises_error(tag: str) -> None:
    """RFC 9110 §8.8.3."""
    with pytest.raises(ValueError, match="entity tag"):
        Response().set_etag(tag)


def test_set_etag_adds_quotes() -> None:
    strong, weak = Response(), Response()
    strong.set_etag("v1")
    weak.set_etag("v1", weak=True)

    assert (strong.headers["ETag"], weak.headers["ETag"]) == ('"v1"', 'W/"v1"')


def test_set_etag_without_tag_for_stream_or_file_raises_error() -> None:
    for response in (StreamResponse(pieces()), EventStreamResponse(events()), FileResponse("x")):
        with pytest.raises(TypeError, match=f"of a {type(response).__name__} cannot be"):
            response.set_etag()
        response.set_etag("v1")
        assert response.headers["ETag"] == '"v1"'


async def nothing() -> AsyncIterator[Any]:
    yield None


@pytest.mark.parametrize(
    ("response", "is_streamed"),
    [
        (Response("text"), False),
        (RedirectResponse("/"), False),
        (Acknowledgement("text"), False),
        (FileResponse("manual.pdf"), True),
        (StreamResponse(nothing()), True),
        (EventStreamResponse(nothing()), True),
    ],
)
def test_is_streamed_is_true_for_streams_and_files(response: Response, is_streamed: bool) -> None:
    assert response.is_streamed is is_streamed


def test_event_stream_is_not_cached_or_buffered() -> None:
    headers = EventStreamResponse(events()).headers

    assert (headers["Cache-Control"], headers["X-Accel-Buffering"]) == ("no-store", "no")


@pytest.mark.parametrize("value", [0, -1, math.inf, math.nan])
def test_event_stream_heartbeat_invalid_raises_error(value: float) -> None:
    with pytest.raises(ValueError, match=r"heartbeat is .* more than 0, or None"):
        EventStreamResponse(events(), heartbeat=value)


@pytest.mark.parametrize("value", [-1, math.inf, math.nan])
def test_event_stream_retry_invalid_raises_error(value: float) -> None:
    with pytest.raises(ValueError, match=r"retry is .* 0 or more, or None"):
        EventStreamResponse(events(), retry=value)
    with pytest.raises(ValueError, match=r"retry is .* 0 or more, or None"):
        ServerSentEvent(retry=value)


@pytest.mark.parametrize("max_age", [3600.0, True, False, "10; Domain=evil"])
def test_set_cookie_max_age_not_int_raises_error(max_age: Any) -> None:
    """A float would be written as ``3600.0``, which browsers ignore (RFC 6265bis §5.6.2)."""
    response = Response()

    with pytest.raises(TypeError, match=r"max_age of cookie 'a' is .* must be an int"):
        response.set_cookie("a", "1", max_age=max_age)
    response.set_cookie("a", "1", max_age=3600)
    assert "Max-Age=3600;" in response.headers["Set-Cookie"]
