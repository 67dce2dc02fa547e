"""Responses with headers that are copied when they are read."""

from rxkernel.headers import Headers
from rxkernel.messages.stored_response import StoredHeaders, stored_response

STORED = StoredHeaders(Headers({"ETag": '"a"', "Content-Type": "a/b", "Vary": "Accept"}))


def test_stored_headers_are_the_lines_of_http() -> None:
    assert STORED.content_type == "a/b"
    assert STORED.lines == '\r\nETag: "a"\r\nVary: Accept'
    assert STORED.names == {"etag", "vary"}


def test_stored_response_copies_its_headers_when_they_are_read() -> None:
    first, second = stored_response(b"x", STORED), stored_response(b"x", STORED)

    assert first.has_headers
    first.headers["X"] = "1"
    first.headers["Vary"] = "*"

    assert dict(second.headers) == dict(STORED.headers)
    assert dict(first.headers) == {"ETag": '"a"', "Content-Type": "a/b", "Vary": "*", "X": "1"}


def test_stored_response_accepts_other_headers_and_none() -> None:
    response = stored_response(b"x", STORED)

    response.headers = {"X": "1"}
    assert (dict(response.headers), response.has_headers) == ({"X": "1"}, True)
    response.headers = None
    assert (dict(response.headers), response.has_headers) == ({}, False)
    assert response.status_code == 200
    assert "b'x'" in repr(response)
