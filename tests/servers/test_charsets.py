"""Forms and texts in other charsets than UTF-8."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from rxkernel import Request, Response, StreamResponse, http
from tests.servers.conftest import Serve, http_url

FORM = "application/x-www-form-urlencoded"


class Texts:
    @http("POST", "/echo", "echo")
    async def echo(self, request: Request) -> dict[str, Any]:
        return {"body": dict(request.body), "name": request.params.get("name")}

    @http("POST", "/typed", "typed")
    async def typed(self, name: str) -> str:
        return name

    @http("GET", "/text", "text")
    async def text(self, request: Request) -> Response:
        headers = {"Content-Type": request.params["type"]}
        return Response(request.params["text"], headers=headers)

    @http("GET", "/stream", "stream")
    async def stream(self, request: Request) -> StreamResponse:
        async def pieces() -> AsyncIterator[str]:
            for character in request.params["text"]:
                yield character

        return StreamResponse(pieces(), content_type=request.params["type"])

    @http("GET", "/bytes", "bytes")
    async def bytes(self, request: Request) -> StreamResponse:
        return StreamResponse([b"Zo\xeb"], content_type=request.params["type"])

    @http("GET", "/value", "value")
    async def value(self, request: Request) -> Response:
        return Response({"name": "Zoë"}, headers={"Content-Type": request.params["type"]})


# --- forms


@pytest.mark.parametrize(
    ("content_type", "sent", "name"),
    [
        (FORM, b"name=Zo%C3%AB", "Zoë"),
        (f"{FORM}; charset=utf-8", b"name=Zo%C3%AB", "Zoë"),
        (f"{FORM}; charset=iso-8859-1", b"name=Zo%EB", "Zoë"),
        (f"{FORM}; charset=ISO-8859-1", b"name=Zo\xeb", "Zoë"),
        (
            f"{FORM}; charset=iso-8859-1",
            b"name=%80",
            "€",
        ),  # as browsers write characters that the charset lacks
        (f"{FORM}; charset=iso-8859-15", b"name=%A4", "€"),
        (f"{FORM}; charset=windows-1252", b"name=%80+%EB", "€ ë"),
        (f"{FORM}; charset=us-ascii", b"name=Zo%C3%AB", "Zoë"),
        (f"{FORM}; charset=utf-16", "name=Zo%C3%AB".encode("utf-16"), "Zoë"),
        (FORM, b"name=Zo%EB&_charset_=iso-8859-1", "Zoë"),
        (FORM, b"_charset_=windows-1252&name=%80", "€"),
        (FORM, b"%5Fcharset%5F=iso-8859-1&name=Zo%EB", "Zoë"),
        (FORM, b"name=Zo%EB&_ch%61rset_=iso-8859-1", "Zoë"),
        (FORM, b"_charset_=&name=Zo%C3%AB", "Zoë"),
        (FORM, b"_charset_=UTF-8&name=Zo%C3%AB", "Zoë"),
        (f"{FORM}; charset=utf-8", b"name=Zo%C3%AB&_charset_=iso-8859-1", "Zoë"),
        (f"{FORM}; charset=iso-8859-1", b"n%61me=%EB", "ë"),
    ],
)
async def test_urlencoded_form_is_decoded_in_its_charset(
    serve: Serve, session: aiohttp.ClientSession, content_type: str, sent: bytes, name: str
) -> None:
    """The charset of the header, or that of the field ``_charset_`` (HTML Standard)."""
    application = await serve(Texts)
    headers = {"Content-Type": content_type}

    async with session.post(
        http_url(application, "/echo"), data=sent, headers=headers
    ) as response:
        answer = await response.json()
        assert (answer["body"]["name"], answer["name"]) == (name, name)
    if sent.count(b"=") == 1:  # without _charset_
        async with session.post(
            http_url(application, "/typed"), data=sent, headers=headers
        ) as response:
            assert await response.text() == name


def multipart(*parts: tuple[str, str, bytes]) -> bytes:
    """Parts of a name, more headers, and the content."""
    return (
        b"".join(
            f'--x\r\nContent-Disposition: form-data; name="{name}"{headers}\r\n\r\n'.encode()
            + content
            + b"\r\n"
            for name, headers, content in parts
        )
        + b"--x--\r\n"
    )


@pytest.mark.parametrize(
    "body",
    [
        multipart(("name", "", "Zoë".encode())),
        multipart(("name", "\r\nContent-Type: text/plain; charset=iso-8859-1", b"Zo\xeb")),
        multipart(("name", "", b"Zo\xeb"), ("_charset_", "", b"iso-8859-1")),
        multipart(("_charset_", "", b"windows-1252"), ("name", "", b"Zo\xeb")),
        multipart(
            ("_charset_", "", b"iso-8859-1"),
            ("name", "\r\nContent-Type: text/plain; charset=utf-8", "Zoë".encode()),
        ),
    ],
)
async def test_multipart_text_is_decoded_in_the_charset_of_its_part_or_of_the_form(
    serve: Serve, session: aiohttp.ClientSession, body: bytes
) -> None:
    """RFC 7578 §4.6."""
    application = await serve(Texts)
    headers = {"Content-Type": "multipart/form-data; boundary=x"}

    async with session.post(
        http_url(application, "/echo"), data=body, headers=headers
    ) as response:
        assert (await response.json())["body"]["name"] == "Zoë"


@pytest.mark.parametrize(
    ("content_type", "sent"),
    [
        (f"{FORM}; charset=klingon", b"name=a"),
        (FORM, b"name=a&_charset_=klingon"),
        (FORM, b"name=a&_charset_=rot13"),
        (
            "multipart/form-data; boundary=x",
            multipart(("_charset_", "", b"klingon"), ("a", "", b"")),
        ),
    ],
)
async def test_form_with_unknown_charset_is_415(
    serve: Serve, session: aiohttp.ClientSession, content_type: str, sent: bytes
) -> None:
    application = await serve(Texts)

    async with session.post(
        http_url(application, "/echo"), data=sent, headers={"Content-Type": content_type}
    ) as response:
        assert response.status == 415
        assert "charset" in (await response.json())["message"]


# --- responses


@pytest.mark.parametrize("path", ["/text", "/stream"])
@pytest.mark.parametrize(
    ("kind", "text", "body"),
    [
        ("text/plain", "Zoë €", "Zoë €".encode()),
        ("text/html; charset=utf-8", "Zoë €", "Zoë €".encode()),
        ('text/html; Charset="UTF-8"', "Zoë €", "Zoë €".encode()),
        ("text/plain; charset=iso-8859-1", "Zoë", b"Zo\xeb"),
        ("text/csv; header=present; charset=windows-1252", "Zoë €", b"Zo\xeb \x80"),
        ("application/xml; charset=iso-8859-15", "€", b"\xa4"),
        ("text/plain; charset=utf-16", "aë", "aë".encode("utf-16")),
        ("text/plain; charset=shift_jis", "日本", "日本".encode("shift_jis")),
        ("text/plain; charset=iso-2022-jp", "日本", "日本".encode("iso-2022-jp")),
    ],
)
async def test_text_is_sent_in_the_charset_of_its_content_type(
    serve: Serve, session: aiohttp.ClientSession, path: str, kind: str, text: str, body: bytes
) -> None:
    url = http_url(await serve(Texts), path)

    async with session.get(url, params={"type": kind, "text": text}) as response:
        assert response.status == 200
        assert response.headers["Content-Type"].startswith(kind)
        assert await response.read() == body


@pytest.mark.parametrize(
    ("path", "kind", "sent"),
    [
        ("/text", "text/csv", "text/csv; charset=utf-8"),
        ("/text", "Text/CSV", "Text/CSV; charset=utf-8"),
        ("/stream", "text/csv", "text/csv; charset=utf-8"),
        ("/stream", "Text/CSV", "Text/CSV; charset=utf-8"),
        ("/stream", "text/csv; charset=iso-8859-1", "text/csv; charset=iso-8859-1"),
        ("/stream", "application/xml", "application/xml"),
        ("/bytes", "text/csv", "text/csv"),
    ],
)
async def test_content_type_of_text_without_charset_gets_utf_8(
    serve: Serve, session: aiohttp.ClientSession, path: str, kind: str, sent: str
) -> None:
    """The charset of bytes is not known."""
    url = http_url(await serve(Texts), path)

    async with session.get(url, params={"type": kind, "text": "Zoë"}) as response:
        assert response.headers["Content-Type"] == sent


@pytest.mark.parametrize("kind", ["application/json", "application/problem+json; charset=UTF-8"])
async def test_value_is_sent_as_json_in_utf_8(
    serve: Serve, session: aiohttp.ClientSession, kind: str
) -> None:
    url = http_url(await serve(Texts), "/value")

    async with session.get(url, params={"type": kind}) as response:
        assert response.headers["Content-Type"] == kind
        assert await response.read() == '{"name":"Zoë"}'.encode()


@pytest.mark.parametrize("charset", ["iso-8859-1", "utf-16", "klingon"])
async def test_value_with_another_charset_than_utf_8_is_logged_500(
    serve: Serve, session: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture, charset: str
) -> None:
    """RFC 8259 §8.1: JSON is UTF-8."""
    url = http_url(await serve(Texts), "/value")

    async with session.get(
        url, params={"type": f"application/json; charset={charset}"}
    ) as response:
        assert response.status == 500
    assert "remove the charset" in caplog.text or "whose charset is unknown" in caplog.text


@pytest.mark.parametrize("path", ["/text", "/stream"])
@pytest.mark.parametrize(
    ("kind", "text", "logged"),
    [
        ("text/plain; charset=klingon", "a", "whose charset is unknown; use charset=utf-8"),
        ("text/plain; charset=base64", "a", "whose charset is unknown; use charset=utf-8"),
        ("text/plain; charset", "a", "whose charset is unknown; use charset=utf-8"),
        ("text/plain; charset=iso-8859-1", "€", "cannot represent; use charset=utf-8"),
    ],
)
async def test_text_that_its_charset_cannot_represent_is_logged_500(
    serve: Serve,
    session: aiohttp.ClientSession,
    caplog: pytest.LogCaptureFixture,
    path: str,
    kind: str,
    text: str,
    logged: str,
) -> None:
    url = http_url(await serve(Texts), path)

    async with session.get(url, params={"type": kind, "text": text}) as response:
        assert response.status == 500
    assert logged in caplog.text
