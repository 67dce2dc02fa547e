"""Malformed requests: the response, and the end of the connection."""

import asyncio
import json

import pytest

from tests.servers.hostile_http import BROKEN, HttpAttack, head
from tests.waiting import until

SMUGGLED = "GET /secret HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(
            head("Host: x", "Content-Length: 5", "Transfer-Encoding: chunked") + "0\r\n\r\n",
            id="length-and-chunked",
        ),
        pytest.param(
            head("Host: x", "Transfer-Encoding: chunked", "Content-Length: 5") + "0\r\n\r\n",
            id="the-other-order",
        ),
        pytest.param(
            head("Host: x", "transfer-ENCODING: CHUNKED", "content-LENGTH: 5") + "0\r\n\r\n",
            id="any-case",
        ),
        pytest.param(
            head("Host: x", "Content-Length: 5", "Content-Length: 6") + "hello", id="two"
        ),
        pytest.param(head("Host: x", "Content-Length: 5, 6") + "hello", id="a-list"),
        pytest.param(head("Host: x", "Host: y", target="GET /"), id="two-hosts"),
        pytest.param(head("Host: x", "Host: x", target="GET /"), id="one-host-twice"),
        pytest.param(head(target="GET /"), id="no-host"),
        pytest.param(head("Host: x", "A: b", " folded", target="GET /"), id="obs-fold"),
        pytest.param("GET / HTTP/1.1\nHost: x\n\n", id="bare-LF"),
        pytest.param("GET / HTTP/1.1\r\nHost: x\rA: b\r\n\r\n", id="bare-CR"),
        pytest.param(head("Host: x", "A: b\0c", target="GET /"), id="NUL"),
        pytest.param(head("Host: x", "A : b", target="GET /"), id="space-before-the-colon"),
        pytest.param(head("Host: x", "Transfer-Encoding: xchunked"), id="unknown-coding"),
        pytest.param(
            head("Host: x", "Transfer-Encoding: chunked, identity"), id="chunked-is-not-last"
        ),
        pytest.param(head("Host: x", "Content-Length: -5"), id="negative-length"),
        pytest.param(head("Host: x", "Content-Length: +5"), id="length-with-a-sign"),
        pytest.param(head("Host: x", "Content-Length: 5_0"), id="length-of-Python"),
        pytest.param(head("Host: x", "Content-Length: " + "9" * 20), id="length-of-20-digits"),
        pytest.param("GET / HTTX/1.1\r\nHost: x\r\n\r\n", id="another-protocol"),
        pytest.param("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", id="TLS"),
        pytest.param(head("Host: x", target="GET secret"), id="no-form-of-a-target"),
        pytest.param(head("Host: x", target="GET *"), id="the-server-without-OPTIONS"),
        pytest.param(head("Host: x", target="GET /\x1b[31m"), id="ANSI-in-the-target"),
        pytest.param(head("Host: x", target="GET http://[::1]@/"), id="a-user-without-a-host"),
        pytest.param(head("Host: x", target="GET http://[::1]@"), id="a-user-and-no-path"),
        pytest.param(head("Host: x", target="GET http://[::1"), id="half-an-address"),
    ],
)
async def test_malformed_request_is_400_and_ends_the_connection(
    http_attack: HttpAttack, text: str
) -> None:
    """RFC 9112 sections 2.2, 3, 5 and 6."""
    target = await http_attack()

    async with target.leaves_nothing(BROKEN), target.client() as wire:
        wire.send(text + SMUGGLED)
        status, headers, body = await wire.answer()
        assert status == 400
        assert headers["content-type"] == "application/json"
        answer = json.loads(body)
        assert answer.keys() == {"statusCode", "message"}
        assert answer["statusCode"] == 400
        assert await wire.rest() == b""
    assert target.doors.came == []


@pytest.mark.parametrize(
    "chunks",
    [
        pytest.param("1" + "0" * 16 + "\r\n", id="chunk-size-of-17-digits"),
        pytest.param("-5\r\nhello\r\n", id="negative-chunk"),
        pytest.param("5\nhello\n0\n\n", id="chunks-with-bare-LF"),
        pytest.param("5\r\nhello!0\r\n\r\n", id="chunk-longer-than-it-says"),
    ],
)
async def test_malformed_chunk_is_400_and_ends_the_connection(
    http_attack: HttpAttack, chunks: str
) -> None:
    target = await http_attack()

    async with target.leaves_nothing(BROKEN), target.client() as wire:
        wire.send(head("Host: x", "Transfer-Encoding: chunked") + chunks + SMUGGLED)
        assert (await wire.answer())[0] == 400
        assert b"HTTP/" not in await wire.rest()
    assert target.doors.came == []


async def test_malformed_chunk_in_a_later_segment_is_400_and_ends_the_connection(
    http_attack: HttpAttack,
) -> None:
    target = await http_attack()

    async with target.leaves_nothing(BROKEN), target.client() as wire:
        wire.send(head("Host: x", "Transfer-Encoding: chunked"))
        await until(lambda: target.server.in_flight)
        wire.send("5\r\nhello!0\r\n\r\n" + SMUGGLED)
        assert (await wire.answer())[0] == 400
        assert await wire.rest() == b""
    assert target.doors.came == []


@pytest.mark.parametrize(
    ("text", "status", "message"),
    [
        pytest.param(
            head("Host: x", target="GET /" + "a" * 300),
            414,
            "the request target is longer than 200 bytes",
            id="target",
        ),
        pytest.param(
            head("Host: x", target="GET http://x/" + "a" * 300),
            414,
            "the request target is longer than 200 bytes",
            id="absolute-target",
        ),
        pytest.param(
            head("Host: x", "A: " + "a" * 300, target="GET /"),
            431,
            "a header is longer than 200 bytes",
            id="value",
        ),
        pytest.param(
            head("Host: x", "a" * 300 + ": b", target="GET /"),
            431,
            "a header is longer than 200 bytes",
            id="name",
        ),
        pytest.param(
            head("Host: x", *["A: b"] * 10, target="GET /"),
            431,
            "the request has too many headers",
            id="number",
        ),
    ],
)
@pytest.mark.parametrize("size", [1000, 100], ids=["one-segment", "pieces"])
async def test_request_head_above_a_limit_is_414_or_431_and_ends_the_connection(
    http_attack: HttpAttack, text: str, status: int, message: str, size: int
) -> None:
    """RFC 9110 section 15.5.15, RFC 6585 section 5."""
    target = await http_attack(max_line_size=200, max_field_size=200, max_headers=10)

    async with target.leaves_nothing(BROKEN), target.client() as wire:
        for start in range(0, len(text + SMUGGLED), size):
            wire.send((text + SMUGGLED)[start : start + size])
            await asyncio.sleep(0)
        answer, _, body = await wire.answer()
        assert (answer, json.loads(body)) == (status, {"statusCode": status, "message": message})
        assert await wire.rest() == b""
    assert target.doors.came == []


async def test_request_head_within_higher_limits_is_handled(http_attack: HttpAttack) -> None:
    target = await http_attack(max_line_size=20_000, max_field_size=20_000, max_headers=500)
    fields = ["Host: x", "A: " + "a" * 19_000, *["B: b"] * 400]

    async with target.leaves_nothing():
        text = head(*fields, target="GET /named/" + "a" * 19_000)
        assert (await target.ask(text))[0] == 200


async def test_malformed_request_after_a_valid_one_is_400(
    http_attack: HttpAttack,
) -> None:
    target = await http_attack()

    async with target.leaves_nothing(BROKEN), target.client() as wire:
        wire.send(head("Host: x", target="GET /"))
        assert (await wire.answer())[::2] == (200, b"home")
        wire.send("\0\0\0\r\n\r\n" + SMUGGLED)
        assert (await wire.answer())[0] == 400
        assert await wire.rest() == b""
    assert target.doors.came == []
