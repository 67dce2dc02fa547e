"""The last response of a connection, encoded without a request."""

import re

import pytest

from rxkernel import Response
from rxkernel.servers.http.final_response import encode_final_response


def test_final_response_is_http11_and_closes_connection() -> None:
    """RFC 9112 §9.6: a server that will close the connection sends the option ``close``."""
    sent = encode_final_response(Response({"a": "ü"}, 503, {"Retry-After": "1"})).decode()

    head, _, body = sent.partition("\r\n\r\n")
    status_line, *lines = head.split("\r\n")
    headers = dict(line.split(": ") for line in lines)
    date = headers.pop("Date")
    assert status_line == "HTTP/1.1 503 Service Unavailable"
    assert headers == {
        "Retry-After": "1",
        "Content-Type": "application/json",
        "Content-Length": "10",
        "Connection": "close",
    }
    assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", date)
    assert body == '{"a":"ü"}'


def test_final_response_keeps_own_content_type() -> None:
    sent = encode_final_response(Response("<p>", 400, {"Content-Type": "text/html"}))

    assert b"\r\nContent-Type: text/html; charset=utf-8\r\n" in sent
    assert sent.endswith(b"\r\n\r\n<p>")


def test_final_response_with_unencodable_content_raises() -> None:
    with pytest.raises(TypeError):
        encode_final_response(Response(object(), 500))
