"""JSON or MessagePack, as the client prefers; entity tags and 304."""

from datetime import UTC, datetime
from typing import Any

import aiohttp
import attrs
import msgspec
import pytest

from rxkernel import (
    BadRequestException,
    NotFoundException,
    Request,
    Response,
    StreamResponse,
    http,
)
from rxkernel.kernel.messagepack import decode_msgpack, encode_msgpack
from rxkernel.servers.http.negotiation import preferred_msgpack
from tests.servers.conftest import Serve, http_url

MSGPACK = "application/msgpack"


@attrs.define
class Point:
    x: int
    when: datetime


class Things:
    @http("GET", "/point", "point")
    async def point(self, request: Request) -> Point:
        return Point(1, datetime(2026, 1, 2, tzinfo=UTC))

    @http("GET", "/kept", "kept")
    async def kept(self, request: Request) -> Response:
        return Response([1], headers={"Cache-Control": "max-age=60", "Vary": "Cookie"})

    @http("GET", "/typed", "typed")
    async def typed(self, request: Request) -> Response:
        return Response([1], headers={"Content-Type": "application/problem+json"})

    @http("GET", "/bytes", "bytes")
    async def bytes(self, request: Request) -> dict[str, Any]:
        return {"raw": b"\xff", 1: "one"}  # type: ignore[dict-item]

    @http("GET", "/text", "text")
    async def text(self, request: Request) -> str:
        return "text"

    @http("GET", "/huge", "huge")
    async def huge(self, request: Request) -> int:
        return 2**70

    @http("GET", "/failing", "failing")
    async def failing(self, request: Request) -> None:
        raise NotFoundException("no such thing", code="gone")

    @http("GET", "/tagged", "tagged")
    async def tagged(self, request: Request) -> Response:
        headers = {"Cache-Control": "max-age=5", "X-Mine": "yes", "Content-Language": "en"}
        response = Response({"a": 1}, headers=headers)
        response.set_cookie("seen", "1")
        response.set_etag(weak="weak" in request.params)
        return response

    @http("GET", "/seventh", "seventh")
    async def seventh(self, request: Request) -> Response:
        response = Response({"a": 1})
        response.set_etag("v7")
        return response

    @http("GET", "/version", "version")
    async def version(self, request: Request) -> Response:
        return Response("x", int(request.params.get("status", 200)), {"ETag": 'W/"v1"'})

    @http("POST", "/version", "change")
    async def change(self, request: Request) -> Response:
        return Response("changed", headers={"ETag": '"v1"'})

    @http("GET", "/stream", "stream")
    async def stream(self, request: Request) -> StreamResponse:
        async def pieces() -> Any:
            yield b"x"

        response = StreamResponse(pieces())
        response.set_etag("v1")
        return response


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        (["application/msgpack"], MSGPACK),
        (["application/vnd.msgpack"], "application/vnd.msgpack"),
        (["application/x-msgpack"], "application/x-msgpack"),
        (["APPLICATION/MsgPack"], MSGPACK),
        (["application/msgpack, */*"], MSGPACK),
        (["application/msgpack, application/*;q=1"], MSGPACK),
        (["application/msgpack, application/json"], MSGPACK),
        (["application/json", "application/msgpack"], None),
        (["application/json, application/msgpack"], None),
        (["application/json;q=0.5, application/msgpack;q=0.6"], MSGPACK),
        (["application/json, application/msgpack;q=0.9"], None),
        (["application/msgpack;q=0.1, */*;q=0.5"], None),
        (["application/json;q=0, */*, application/msgpack;q=0.5"], MSGPACK),
        (["application/msgpack;q=0"], None),
        (["application/msgpack;q=0, application/x-msgpack"], "application/x-msgpack"),
        (["application/msgpack;q=2"], None),
        (["application/msgpack;q=nonsense"], None),
        (["application/msgpack ; Q = 0.5"], MSGPACK),
        (["text/html;x=msgpack"], None),
        (["*/*"], None),
        ([""], None),
    ],
)
def test_accept_selects_format(accept: list[str], kind: str | None) -> None:
    """RFC 9110 §12.5.1: the weight, then the narrower range, then the first one."""
    assert preferred_msgpack(accept) == kind


def test_accept_of_2000_entries_is_not_read_to_its_end() -> None:
    lines = ["a/b,", "application/json;q=0.1," * 100 + "application/msgpack," * 1900]

    assert preferred_msgpack(lines) is None


async def test_json_content_is_sent_as_preferred_messagepack(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    url = http_url(await serve(Things))
    headers = {"Accept": MSGPACK}

    async with session.get(url + "point", headers=headers) as response:
        assert (response.status, response.headers["Content-Type"]) == (200, MSGPACK)
        assert response.headers["Vary"] == "Accept"
        packed = msgspec.msgpack.decode(await response.read())
    async with session.get(url + "point") as response:
        assert response.headers["Content-Type"] == "application/json"
        assert "Vary" not in response.headers
        assert packed == await response.json() == {"x": 1, "when": "2026-01-02T00:00:00Z"}


async def test_error_is_sent_as_preferred_messagepack(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    url = http_url(await serve(Things))

    for path, message in {"failing": "no such thing", "nowhere": "Not Found"}.items():
        async with session.get(url + path, headers={"Accept": MSGPACK}) as response:
            assert (response.status, response.headers["Content-Type"]) == (404, MSGPACK)
            assert msgspec.msgpack.decode(await response.read())["message"] == message


async def test_head_has_headers_of_get(serve: Serve, session: aiohttp.ClientSession) -> None:
    url = http_url(await serve(Things)) + "point"
    headers = {"Accept": MSGPACK}

    async with (
        session.get(url, headers=headers) as got,
        session.head(url, headers=headers) as head,
    ):
        assert head.headers["Content-Type"] == got.headers["Content-Type"] == MSGPACK
        assert head.headers["Content-Length"] == got.headers["Content-Length"]


async def test_accept_of_neither_format_gets_json(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    """RFC 9110 §12.4.1: a server may disregard the header."""
    url = http_url(await serve(Things)) + "point"
    headers = {"Accept": "text/html, application/msgpack;q=0, application/json;q=0"}

    async with session.get(url, headers=headers) as response:
        assert (response.status, response.headers["Content-Type"]) == (200, "application/json")


@pytest.mark.parametrize(
    ("path", "kind"),
    [("typed", "application/problem+json"), ("text", "text/plain; charset=utf-8")],
)
async def test_content_type_of_action_and_text_are_kept(
    serve: Serve, session: aiohttp.ClientSession, path: str, kind: str
) -> None:
    url = http_url(await serve(Things)) + path

    async with session.get(url, headers={"Accept": MSGPACK}) as response:
        assert response.headers["Content-Type"] == kind
        assert "Vary" not in response.headers


async def test_messagepack_has_binary_bytes_and_text_keys(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    url = http_url(await serve(Things)) + "bytes"

    async with session.get(url, headers={"Accept": MSGPACK}) as response:
        assert msgspec.msgpack.decode(await response.read()) == {"raw": b"\xff", "1": "one"}


async def test_number_above_64_bits_is_sent_as_json(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    url = http_url(await serve(Things)) + "huge"

    async with session.get(url, headers={"Accept": MSGPACK}) as response:
        assert (response.status, response.headers["Content-Type"]) == (200, "application/json")
        assert await response.text() == str(2**70)


async def test_cacheable_response_has_vary_accept(
    serve: Serve, session: aiohttp.ClientSession
) -> None:
    """RFC 9110 §12.5.5: for JSON too, or a cache sends it to clients that prefer MessagePack."""
    url = http_url(await serve(Things)) + "kept"

    for accept in (MSGPACK, "application/json"):
        async with session.get(url, headers={"Accept": accept}) as response:
            assert response.headers.getall("Vary") == ["Cookie, Accept"]


class TestDecoding:
    def test_messagepack_body_with_json_values_is_read(self) -> None:
        value: dict[str, Any] = {"a": [1, -1, 2.5, True, None, "é", {"b": []}], "c": {}}

        assert decode_msgpack(encode_msgpack(value)) == value
        assert decode_msgpack(encode_msgpack(b"\x00\xff")) == b"\x00\xff"

    def test_messagepack_timestamp_is_a_datetime(self) -> None:
        assert decode_msgpack(b"\xd6\xff\x00\x00\x00\x01") == datetime(
            1970, 1, 1, 0, 0, 1, tzinfo=UTC
        )

    @pytest.mark.parametrize(
        ("raw", "message"),
        [
            (b"", "truncated"),
            (b"\xc1", "invalid opcode"),
            (b"\xc0\xc0", "trailing"),
            (b"\xa1\xff", "utf-8"),
            (b"\xa3\xed\xa0\x80", "utf-8"),
            (b"\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00", "NaN"),
            (b"\x91\xcb\x7f\xf0\x00\x00\x00\x00\x00\x00", "Infinity"),
            (b"\x81\xa1a\xca\xff\x80\x00\x00", "Infinity"),
            (b"\x81\x01\x01", "key of a map"),
            (b"\x81\xc4\x01a\x01", "key of a map"),
            (b"\x91\x81\x90\x01", "key of a map"),
            (b"\x81\x80\x01", "hashable"),
            (b"\xd4\x05\x00", "extension type 5"),
            (b"\xdd\xff\xff\xff\xff\x00", "truncated"),
            (b"\xdf\xff\xff\xff\xff\x00", "truncated"),
        ],
    )
    def test_messagepack_body_with_other_values_is_400(self, raw: bytes, message: str) -> None:
        with pytest.raises(BadRequestException, match=f"not valid MessagePack: .*{message}"):
            decode_msgpack(raw)

    @pytest.mark.parametrize("opening", [b"\x91", b"\x81\xa1a"])
    def test_messagepack_body_deeper_than_64_is_400(self, opening: bytes) -> None:
        decode_msgpack(opening * 64 + b"\x01")
        for depth in (65, 900, 100_000):
            with pytest.raises(BadRequestException, match="nested more than 64 deep"):
                decode_msgpack(opening * depth + b"\x01")


class TestEntityTags:
    async def test_matching_tag_is_304(self, serve: Serve, session: aiohttp.ClientSession) -> None:
        """RFC 9110 §15.4.5: without headers of the body, but with the other headers."""
        url = http_url(await serve(Things)) + "tagged"
        async with session.get(url) as response:
            etag, first = response.headers["ETag"], response.headers
            assert len(etag) == 34
            assert first["Vary"] == "Accept"
        for method in ("GET", "HEAD"):
            async with session.request(method, url, headers={"If-None-Match": etag}) as response:
                assert (response.status, await response.read()) == (304, b"")
                for name in ("ETag", "Cache-Control", "Vary", "X-Mine", "Set-Cookie"):
                    assert response.headers[name] == first[name]
                for name in ("Content-Type", "Content-Length", "Content-Language"):
                    assert name not in response.headers

    async def test_computed_tag_depends_on_format(
        self, serve: Serve, session: aiohttp.ClientSession
    ) -> None:
        url = http_url(await serve(Things)) + "tagged"
        tags = []
        for accept in ("application/json", MSGPACK, "application/json"):
            async with session.get(url, headers={"Accept": accept}) as response:
                tags.append(response.headers["ETag"])

        assert tags[0] == tags[2] != tags[1]

    async def test_set_etag_weak_sends_weak_tag(
        self, serve: Serve, session: aiohttp.ClientSession
    ) -> None:
        url = http_url(await serve(Things)) + "tagged?weak"
        async with session.get(url) as response:
            etag = response.headers["ETag"]
        async with session.get(url, headers={"If-None-Match": etag[2:]}) as response:
            assert (etag[:3], response.status) == ('W/"', 304)

    @pytest.mark.parametrize(
        ("known", "status"),
        [
            ('"v1"', 304),
            ('W/"v1"', 304),
            ('"v0", "a,b" , W/"v1"', 304),
            ("*", 304),
            ('"v2"', 200),
            ("v1", 200),
            ('"v1', 200),
            ('"x v1"', 200),
            ("", 200),
            ('"' * 7000, 200),
        ],
    )
    async def test_etag_header_of_action_is_compared_weakly(
        self, serve: Serve, session: aiohttp.ClientSession, known: str, status: int
    ) -> None:
        """RFC 9110 §13.1.2."""
        url = http_url(await serve(Things)) + "version"
        async with session.get(url, headers={"If-None-Match": known}) as response:
            assert response.status == status

    async def test_tag_of_other_method_or_status_is_not_compared(
        self, serve: Serve, session: aiohttp.ClientSession
    ) -> None:
        """RFC 9110 §13.2.1."""
        url = http_url(await serve(Things)) + "version"
        known = {"If-None-Match": '"v1"'}
        async with session.post(url, headers=known) as response:
            assert (response.status, await response.text()) == (200, "changed")
        async with session.get(url + "?status=404", headers=known) as response:
            assert (response.status, await response.text()) == (404, "x")

    async def test_stream_with_matching_tag_is_304(
        self, serve: Serve, session: aiohttp.ClientSession
    ) -> None:
        url = http_url(await serve(Things)) + "stream"
        async with session.get(url, headers={"If-None-Match": '"v1"'}) as response:
            assert (response.status, await response.read()) == (304, b"")
        async with session.get(url, headers={"If-None-Match": '"v2"'}) as response:
            assert (response.status, await response.read()) == (200, b"x")


async def test_set_tag_depends_on_format(serve: Serve, session: aiohttp.ClientSession) -> None:
    """RFC 9110 §8.8.3: a strong tag identifies the bytes of one format."""
    url = http_url(await serve(Things), "/seventh")
    msgpack = {"Accept": MSGPACK}

    async with session.get(url) as json, session.get(url, headers=msgpack) as other:
        assert (json.headers["ETag"], other.headers["ETag"]) == ('"v7"', '"v7-msgpack"')
    for tag, status in (('"v7"', 200), ('"v7-msgpack"', 304)):
        async with session.get(url, headers={**msgpack, "If-None-Match": tag}) as answer:
            assert answer.status == status
