"""Bodies that reach a limit are counted by the name of the setting, on both HTTP paths."""

import pytest

from tests.servers.conftest import Opened
from tests.servers.raw_http import chunk, post, raw_http
from tests.servers.taking import part

MULTIPART = "Content-Type: multipart/form-data; boundary=x"
URLENCODED = "Content-Type: application/x-www-form-urlencoded"
CHUNKED = "Transfer-Encoding: chunked"

FILE = part("f", b"x" * 200, filename="a") + b"--x--\r\n"
TEXT = part("a", b"x" * 200) + b"--x--\r\n"
LIMITS = {"body_limit": 150, "file_limit": 100, "upload_limit": 1000, "form_fields_limit": 2}


@pytest.mark.parametrize("segments", [1, 2], ids=["whole", "chunked"])
@pytest.mark.parametrize(
    ("path", "headers", "body", "setting", "message"),
    [
        pytest.param(
            "/take", [], b"x" * 151, "http.body_limit", "the body is larger than 150", id="body"
        ),
        pytest.param(
            "/small", [], b"x" * 101, "http.body_limit", "the body is larger than 100", id="route"
        ),
        pytest.param(
            "/take", [MULTIPART], TEXT, "http.body_limit", "the body is larger", id="no-files"
        ),
        pytest.param(
            "/stream", [], b"x" * 1001, "http.upload_limit", "the body is larger", id="stream"
        ),
        pytest.param(
            "/upload", [MULTIPART], FILE * 5, "http.upload_limit", "the body", id="upload"
        ),
        pytest.param("/upload", [MULTIPART], FILE, "http.file_limit", "a file is", id="file"),
        pytest.param(
            "/upload", [MULTIPART], TEXT, "http.body_limit", "the form without", id="form"
        ),
        pytest.param(
            "/take", [URLENCODED], b"a&b&c", "http.form_fields_limit", "the form has", id="fields"
        ),
        pytest.param(
            "/upload",
            [MULTIPART],
            part("a") * 2 + part("b") + b"--x--\r\n",
            "http.form_fields_limit",
            "the form has more than 2",
            id="fields-of-multipart",
        ),
    ],
)
async def test_body_over_a_limit_is_counted_by_the_setting(
    taker: Opened,
    caplog: pytest.LogCaptureFixture,
    path: str,
    headers: list[str],
    body: bytes,
    setting: str,
    message: str,
    segments: int,
) -> None:
    application = await taker(**LIMITS)
    counts = application.servers["http"].counts

    async with raw_http(application) as client:
        if segments == 1:
            await client.send(post(path, *headers, body=body))
        else:
            await client.send(post(path, CHUNKED, *headers), chunk(body[:3]))
            await client.send(chunk(body[3:]), b"0\r\n\r\n")
        assert (await client.answer()).status == 413

    assert {name: n for name, n in counts.items() if name.startswith("http.")} == {setting: 1}
    [text] = [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]
    assert text.startswith(f"{setting}: rejected a body of 127.0.0.1: {message}")


@pytest.mark.parametrize(
    ("path", "headers"), [("/take", []), ("/stream", []), ("/upload", [MULTIPART])]
)
async def test_content_length_over_a_limit_is_counted(
    taker: Opened, path: str, headers: list[str]
) -> None:
    application = await taker(body_limit=100, upload_limit=100)

    async with raw_http(application) as client:
        await client.send(post(path, "Content-Length: 101", *headers))
        assert (await client.answer()).status == 413

    setting = "http.body_limit" if path == "/take" else "http.upload_limit"
    assert application.servers["http"].counts[setting] == 1


@pytest.mark.parametrize(
    ("path", "headers"), [("/take", []), ("/stream", []), ("/upload", [MULTIPART])]
)
async def test_body_timeout_is_counted(
    taker: Opened, caplog: pytest.LogCaptureFixture, path: str, headers: list[str]
) -> None:
    application = await taker(body_timeout=0.1)

    async with raw_http(application) as client:
        await client.send(post(path, "Content-Length: 999", *headers), b"-")
        assert (await client.answer()).status == 408

    assert application.servers["http"].counts["http.body_timeout"] == 1
    [text] = [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]
    assert text.startswith("http.body_timeout: rejected a body of 127.0.0.1: the body did not")


async def test_bodies_within_the_limits_are_not_counted(taker: Opened) -> None:
    application = await taker(**LIMITS)

    async with raw_http(application) as client:
        for path in ("/take", "/stream"):
            await client.send(post(path, body=b"x" * 100))
            assert (await client.answer()).status == 200

    assert not [n for n in application.servers["http"].counts if n.startswith("http.")]
