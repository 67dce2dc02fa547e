"""JSON and forms that are malformed or exceed a limit, and unclear content types."""

import json

import pytest

from rxkernel import (
    Application,
)
from tests.servers.conftest import Opened
from tests.servers.raw_http import chunk, post, raw_http
from tests.servers.taking import part

JSON = "Content-Type: application/json"


FORM = "Content-Type: application/x-www-form-urlencoded"


MULTIPART = "Content-Type: multipart/form-data; boundary=x"


CHUNKED = "Transfer-Encoding: chunked"


async def is_served(application: Application) -> None:
    """Another client gets its response."""
    async with raw_http(application) as other:
        await other.send(post("/take", JSON, body=b"[1]"))
        assert (await other.answer()).json == {"body": [1], "size": 3}


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        pytest.param(b"[" * 64 + b"]" * 64, 200, id="depth-64"),
        pytest.param(b'{"a":' * 64 + b"1" + b"}" * 64, 200, id="depth-64-of-objects"),
        pytest.param(b"[" * 65 + b"]" * 65, 400, id="depth-65"),
        pytest.param(b'{"a":' * 65 + b"1" + b"}" * 65, 400, id="depth-65-of-objects"),
        pytest.param(b"[" * 64 + b"{}" + b"]" * 64, 400, id="depth-65-ends-in-an-object"),
        pytest.param(b"[" * 900 + b"]" * 900, 400, id="depth-900"),
        pytest.param(b"[" * 100_000, 400, id="depth-100000"),
        pytest.param(b'{"a":' * 100_000, 400, id="depth-100000-of-objects"),
        pytest.param(b'["' + b"[" * 900 + b'"]', 200, id="brackets-in-a-text"),
        pytest.param(b"[" + b"[]," * 900 + b"[]]", 200, id="wide"),
        pytest.param(b"NaN", 400, id="NaN"),
        pytest.param(b"[-Infinity]", 400, id="Infinity"),
        pytest.param(b'{"a":1e999}', 400, id="1e999"),
        pytest.param(b"1" * 5000, 400, id="5000-digits"),
        pytest.param(b"1" * 4301, 400, id="4301-digits"),
        pytest.param(b"1" * 4300, 200, id="4300-digits"),
        pytest.param(b"\xef\xbb\xbf{}", 400, id="byte-order-mark"),
        pytest.param(b'"\\ud800"', 400, id="lone-surrogate"),
        pytest.param(b'"\\udc00x"', 400, id="lone-low-surrogate"),
        pytest.param(b'"\xed\xa0\x80"', 400, id="coded-surrogate"),
        pytest.param(b'"\xff"', 400, id="no-utf-8"),
        pytest.param('"é"'.encode("utf-16"), 400, id="utf-16"),
        pytest.param(b"{} {}", 400, id="two-values"),
    ],
)
async def test_json_beyond_the_limits_of_depth_and_values_is_400(
    taker: Opened, sent: bytes, status: int
) -> None:
    """RFC 8259 §8.1, §8.2, §9."""
    application = await taker()

    async with raw_http(application) as client:
        await client.send(post("/take", JSON, body=sent))
        answer = await client.answer()
        assert answer.status == status
        assert answer.json.get("message", "the body is not valid JSON").startswith(
            "the body is not valid JSON"
        )


async def test_json_with_a_duplicate_key_keeps_the_last_value(taker: Opened) -> None:
    """RFC 8259 §4 does not define this; browsers keep the last value, too."""
    application = await taker()

    async with raw_http(application) as client:
        await client.send(post("/take", JSON, body=b'{"a":1,"a":2}'))
        assert (await client.answer()).json["body"] == {"a": 2}


async def test_json_with_keys_that_collide_in_a_known_hash_is_decoded(taker: Opened) -> None:
    """Python hashes texts with SipHash and a secret (PEP 456): clients cannot cause collisions."""
    application = await taker(body_limit=2_000_000)
    collide_with_djb2 = ["Ez", "FY"]
    keys = [""]
    while len(keys) < 32_768:
        keys = [key + pair for key in keys for pair in collide_with_djb2]
    body = json.dumps(dict.fromkeys(keys, 0), separators=(",", ":")).encode()

    async with raw_http(application) as client:
        await client.send(post("/take", JSON, body=body))
        assert len((await client.answer()).json["body"]) == len(keys)


async def test_form_with_100000_fields_is_413(taker: Opened) -> None:
    application = await taker()

    async with raw_http(application) as client:
        await client.send(post("/take", FORM, body=b"a=1&" * 100_000))
        answer = await client.answer()
    assert (answer.status, answer.json["message"]) == (413, "the form has more than 1000 fields")


def form(*parts: bytes) -> bytes:
    return b"".join(parts) + b"--x--\r\n"


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        pytest.param(form(*[part("a")] * 15_000), "more than 1000 fields", id="fields"),
        pytest.param(
            form(*[part("a", b"x", filename="f")] * 10_000), "more than 1000", id="10000-parts"
        ),
        pytest.param(
            form(*[part("a", filename="")] * 15_000), "more than 1000 fields", id="empty-files"
        ),
        pytest.param(
            form(part("a", b"x" * 2001)), "without its files is larger than 2000", id="one-field"
        ),
        pytest.param(
            form(*[part("abcdefgh", b"x")] * 300), "without its files is larger", id="small-fields"
        ),
        pytest.param(
            form(part("a", b"x" * 3001, filename="f")), "a file is larger than 3000", id="file"
        ),
        pytest.param(
            form(*[part("a", b"x" * 2500, filename="f")] * 200),
            "the body is larger than 400000",
            id="files-in-all",
        ),
        pytest.param(
            b"--x\r\nA: " + b"x" * 9000, "headers of a part are too large", id="part-head"
        ),
        pytest.param(b"x" * 9000, "headers of a part are too large", id="preamble"),
    ],
)
async def test_multipart_form_over_a_limit_is_413(
    taker: Opened, sent: bytes, message: str
) -> None:
    application = await taker(body_limit=2000, upload_limit=400_000, file_limit=3000)

    async with raw_http(application) as client:
        await client.send(post("/upload", MULTIPART, CHUNKED), chunk(sent) + b"0\r\n\r\n")
        answer = await client.answer()
        assert answer.status == 413
        assert message in answer.json["message"]
    await is_served(application)


async def test_multipart_part_without_end_is_413_while_it_arrives(taker: Opened) -> None:
    application = await taker(upload_limit=100_000, file_limit=50_000)

    async with raw_http(application) as client:
        await client.send(post("/upload", MULTIPART, CHUNKED))
        await client.send(chunk(part("a", b"x" * 50_010, filename="endless")))
        assert (await client.answer()).status == 413


@pytest.mark.parametrize(
    ("given", "status"),
    [
        pytest.param("application/json, text/plain", 415, id="two-in-one"),
        pytest.param("application/json,application/json", 415, id="the-same-twice"),
        pytest.param("json", 415, id="no-type"),
        pytest.param("/", 415, id="slash"),
        pytest.param("text/plain charset=utf-8", 415, id="no-semicolon"),
        pytest.param('text/plain; charset="utf-8', 415, id="open-quote"),
        pytest.param("application/json; charset=latin-1", 415, id="charset"),
        pytest.param("text/plain; charset=\0", 400, id="nul"),
        pytest.param("multipart/form-data", 400, id="no-boundary"),
        pytest.param("APPLICATION/JSON;;charset=UTF-8 ;", 200, id="odd-but-right"),
        pytest.param("x/y", 200, id="unknown-is-bytes"),
    ],
)
async def test_content_type_ambiguous_or_unsupported_is_rejected(
    taker: Opened, given: str, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    """RFC 9110 §8.3."""
    application = await taker()

    async with raw_http(application) as client:
        await client.send(post("/take", f"Content-Type: {given}", body=b"[1]"))
        assert (await client.answer()).status == status
    if "\0" in given:
        caplog.clear()  # aiohttp's parser, not a body


async def test_content_type_sent_twice_is_rejected(
    taker: Opened, caplog: pytest.LogCaptureFixture
) -> None:
    """aiohttp's parser rejects it with 400."""
    application = await taker()

    async with raw_http(application) as client:
        await client.send(post("/take", JSON, "Content-Type: text/plain", body=b"[1]"))
        assert (await client.answer()).status in (400, 415)
    caplog.clear()


async def test_content_type_missing_means_bytes(taker: Opened) -> None:
    application = await taker()

    async with raw_http(application) as client:
        await client.send(post("/take", body=b"[1]"))
        assert (await client.answer()).json == {"body": None, "size": 3}
