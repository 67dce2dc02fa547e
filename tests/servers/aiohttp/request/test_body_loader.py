"""Bodies are decoded by their content type, within the limits."""

import gzip
from collections.abc import AsyncIterator
from io import BytesIO
from typing import Any

import aiohttp
import pytest

from tests.servers.conftest import Serve, http_url
from tests.servers.echo import Echo

JSON = "application/json"


FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("content_type", "sent", "body", "kind"),
    [
        (JSON, b'{"a": [1, null]}', {"a": [1, None]}, "dict"),
        (JSON + "; charset=UTF-8", b'"x"', "x", "str"),
        ("application/vnd.api+json", b"[1]", [1], "list"),
        ("text/json", b"[1]", [1], "list"),
        ("Text/JSON; charset=utf-8", b"[1]", [1], "list"),
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
    ("content_type", "sent", "status", "message"),
    [
        (JSON, b"{bad", 400, "not valid JSON"),
        (JSON, b'{"a": NaN}', 400, "not valid JSON"),
        (JSON, b"[" * 100_000, 400, "nested more than 64 deep"),
        (JSON, b'"\xff"', 400, "not valid JSON"),
        (JSON, b"1" * 5000, 400, "not valid JSON"),
        (JSON + "; charset=latin-1", b"{}", 415, "JSON must be encoded in UTF-8"),
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
    message: str,
) -> None:
    application = await serve(Echo)
    url = http_url(application, "/echo")

    async with session.post(url, data=sent, headers={"Content-Type": content_type}) as response:
        body = await response.json()
        assert (response.status, body["statusCode"]) == (status, status), body
        assert message in body["message"]
    async with session.post(url, json={"still": "here"}) as response:
        assert response.status == 200


async def test_multipart_form_has_fields_and_files(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    """RFC 7578. In ``params``, fields come after the query."""
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
    """The limit applies to the decompressed size; an unknown coding is 415."""
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
        assert message == "the compressed body is malformed"
    headers["Content-Encoding"] = "lzma"
    async with session.post(url, data=b"x", headers=headers) as response:
        assert response.status == 415
