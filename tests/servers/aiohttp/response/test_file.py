"""File responses: headers, conditions, ranges, and paths that are not files."""

import os
from collections.abc import Awaitable, Callable
from email.message import Message
from email.parser import BytesParser
from pathlib import Path
from typing import Any, cast

import pytest

from rxkernel import (
    ExceptionEvent,
    FileResponse,
    HttpException,
    KernelEvents,
    Response,
    observe,
)
from rxkernel.pytest_plugin import ClientOf
from tests.servers.conftest import Serve
from tests.servers.raw_files import Answer, Files, ask

TEN = b"0123456789"
MOMENT = 784111777
DATE = "Sun, 06 Nov 1994 08:49:37 GMT"
ETAG = f'"{MOMENT * 10**9:x}-a"'
UNREADABLE = Path("/proc/sys/vm/compact_memory")

Ask = Callable[..., Awaitable[Answer]]


def old_file(path: Path, content: bytes = TEN) -> Path:
    """A file that was written long ago."""
    path.write_bytes(content)
    os.utime(path, (MOMENT, MOMENT))
    return path


@pytest.fixture
async def sent(serve: Serve, tmp_path: Path) -> Ask:
    """``await sent(line, …, status_code=…, …)``: the response with ``ten.txt`` to a request."""
    old_file(tmp_path / "ten.txt")
    application = await serve(Files)
    files = application.injector.get(Files)

    async def ask_for(*lines: str, method: str = "GET", **options: Any) -> Answer:
        path = options.pop("path", tmp_path / "ten.txt")
        files.own = lambda: FileResponse(path, **options)
        return await ask(application, "/own", *lines, method=method)

    return ask_for


async def test_file_response_has_validators_and_accepts_ranges(sent: Ask) -> None:
    answer = await sent()

    assert (answer.status, answer.body) == (200, TEN)
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["Content-Length"] == "10"
    assert answer.headers["ETag"] == ETAG
    assert answer.headers["Last-Modified"] == DATE
    assert answer.headers["Accept-Ranges"] == "bytes"


@pytest.mark.parametrize("size", [0, 10, 100_000])
async def test_file_head_has_the_headers_of_get_without_the_body(
    sent: Ask, tmp_path: Path, size: int
) -> None:
    path = old_file(tmp_path / "x", bytes(size))

    got, head = await sent(path=path), await sent("Range: bytes=0-1", path=path, method="HEAD")
    for answer in (got, head):
        del answer.headers["Date"]

    assert (got.status, head.status) == (200, 200)
    assert (got.body, head.body) == (bytes(size), b"")
    assert head.headers == got.headers
    assert head.headers["Content-Length"] == str(size)


async def test_file_transfer_encoding_of_the_action_is_dropped(sent: Ask, tmp_path: Path) -> None:
    """RFC 9112 section 6.2: a length and a transfer coding together allow smuggling."""
    path = old_file(tmp_path / "x", b"0123456789")

    answer = await sent(path=path, headers={"Transfer-Encoding": "chunked"})

    assert (answer.body, answer.headers["Content-Length"]) == (b"0123456789", "10")
    assert "Transfer-Encoding" not in answer.headers


async def test_file_empty_ignores_ranges(sent: Ask, tmp_path: Path) -> None:
    answer = await sent("Range: bytes=0-", path=old_file(tmp_path / "x", b""))

    assert (answer.status, answer.body, answer.headers["Content-Length"]) == (200, b"", "0")


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (f"If-Match: {ETAG}", 200),
        ('If-Match: "other"', 412),
        (f"If-Unmodified-Since: {DATE}", 200),
        ("If-Unmodified-Since: Sat, 05 Nov 1994 08:49:37 GMT", 412),
        (f"If-None-Match: {ETAG}", 304),
        (f'If-None-Match: "other"\r\nIf-None-Match: W/{ETAG}', 304),
        ('If-None-Match: "other"', 200),
        (f"If-Modified-Since: {DATE}", 304),
        ("If-Modified-Since: Sat, 05 Nov 1994 08:49:37 GMT", 200),
        (f"If-None-Match: {ETAG}\r\nRange: bytes=99-", 304),
        ('If-Match: "other"\r\nRange: bytes=99-', 412),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_file_preconditions_are_checked_before_ranges(
    sent: Ask, method: str, line: str, status: int
) -> None:
    """RFC 9110 §13.2.2. tests/servers/http/test_conditions.py tests each condition."""
    assert (await sent(line, method=method)).status == status


async def test_file_not_modified_has_cache_headers_without_content_headers(sent: Ask) -> None:
    """RFC 9110 §15.4.5."""
    headers = {"Cache-Control": "no-cache", "Vary": "Cookie", "X-Mine": "1"}

    answer = await sent(f"If-None-Match: {ETAG}", headers=headers, filename="x.txt")

    assert (answer.status, answer.body) == (304, b"")
    assert answer.headers["ETag"] == ETAG
    assert {name: answer.headers[name] for name in headers} == headers
    assert not {"Content-Type", "Content-Length", "Content-Disposition"} & set(answer.headers)


async def test_file_validators_of_the_action_are_used(sent: Ask) -> None:
    headers = {"ETag": '"v7"', "Last-Modified": "Mon, 07 Nov 1994 08:49:37 GMT"}

    answer = await sent(headers=headers)
    assert {name: answer.headers[name] for name in headers} == headers
    assert (await sent('If-None-Match: "v7"', headers=headers)).status == 304
    assert (await sent(f"If-None-Match: {ETAG}", headers=headers)).status == 200
    line = f"If-Modified-Since: {headers['Last-Modified']}"
    assert (await sent(line, headers=headers)).status == 304


@pytest.mark.parametrize(
    ("ranges", "content_range", "body"),
    [
        ("0-0", "bytes 0-0/10", b"0"),
        ("2-4", "bytes 2-4/10", b"234"),
        ("8-99", "bytes 8-9/10", b"89"),
        ("-3", "bytes 7-9/10", b"789"),
        ("0-", "bytes 0-9/10", TEN),
        ("5-6,0-4", "bytes 0-6/10", b"0123456"),
    ],
)
async def test_file_with_one_range_is_206(
    sent: Ask, ranges: str, content_range: str, body: bytes
) -> None:
    answer = await sent(f"Range: bytes={ranges}", headers={"Content-Type": "a/b"})

    assert (answer.status, answer.body) == (206, body)
    assert answer.headers["Content-Range"] == content_range
    assert answer.headers["Content-Length"] == str(len(body))
    assert answer.headers["Content-Type"] == "a/b"
    assert answer.headers["ETag"] == ETAG


async def test_file_with_several_ranges_is_multipart(sent: Ask) -> None:
    """RFC 9110 §14.6: in the order of the request."""
    answer = await sent("Range: bytes=8-,0-1,20-30")
    again = await sent("Range: bytes=8-,0-1,20-30")

    assert (answer.status, "Content-Range" in answer.headers) == (206, False)
    assert answer.headers["Content-Length"] == str(len(answer.body))
    kind = answer.headers["Content-Type"]
    assert kind.startswith("multipart/byteranges; boundary=")
    assert again.headers["Content-Type"] != kind
    message = BytesParser().parsebytes(f"Content-Type: {kind}\r\n\r\n".encode() + answer.body)
    assert not message.defects
    parts = cast("list[Message]", message.get_payload())
    assert [(part["Content-Type"], part["Content-Range"]) for part in parts] == [
        ("text/plain; charset=utf-8", "bytes 8-9/10"),
        ("text/plain; charset=utf-8", "bytes 0-1/10"),
    ]
    assert [part.get_payload() for part in parts] == ["89", "01"]


@pytest.mark.parametrize(
    ("validator", "status"),
    [
        (ETAG, 206),
        (DATE, 206),
        (f"W/{ETAG}", 200),
        ('"other"', 200),
        ("Mon, 07 Nov 1994 08:49:37 GMT", 200),
    ],
)
async def test_file_if_range_of_another_version_sends_the_whole_file(
    sent: Ask, validator: str, status: int
) -> None:
    answer = await sent("Range: bytes=1-2", f"If-Range: {validator}")

    assert (answer.status, answer.body) == (status, b"12" if status == 206 else TEN)


async def test_file_just_written_has_a_weak_tag_and_ignores_if_range(
    sent: Ask, tmp_path: Path
) -> None:
    (tmp_path / "new").write_bytes(TEN)
    first = await sent(path=tmp_path / "new")
    tag = first.headers["ETag"]

    assert tag.startswith("W/")
    assert "Last-Modified" not in first.headers
    assert (await sent(f"If-None-Match: {tag}", path=tmp_path / "new")).status == 304
    again = await sent("Range: bytes=1-2", f"If-Range: {tag}", path=tmp_path / "new")
    assert (again.status, again.body) == (200, TEN)


async def test_file_with_another_status_or_method_ignores_conditions_and_ranges(sent: Ask) -> None:
    """RFC 9110 §13.2.1, §14.2: conditions and ranges apply to GET and status 200."""
    lines = ("Range: bytes=1-2", 'If-Match: "other"', f"If-None-Match: {ETAG}")

    missing = await sent(*lines, status_code=404)
    posted = await sent(*lines, method="POST")

    assert (missing.status, missing.body) == (404, TEN)
    assert (posted.status, posted.body) == (200, TEN)
    for answer in (missing, posted):
        assert not {"ETag", "Last-Modified", "Accept-Ranges"} & set(answer.headers)


async def test_file_with_status_204_has_no_body(sent: Ask) -> None:
    answer = await sent(status_code=204)

    assert (answer.status, answer.body, "Content-Length" in answer.headers) == (204, b"", False)


async def test_file_with_a_compressed_file_beside_it_is_sent_uncompressed(
    sent: Ask, tmp_path: Path
) -> None:
    """Plain aiohttp sends the compressed file, with the wrong Content-Type and without Vary."""
    (tmp_path / "ten.txt.gz").write_bytes(b"anything")

    answer = await sent("Accept-Encoding: gzip")

    assert (answer.body, "Content-Encoding" in answer.headers) == (TEN, False)


@pytest.mark.parametrize(
    "name", ["missing", "folder", "pipe", "loop", "x" * 300, "ten.txt/x", "nul\0", "\ud800"]
)
async def test_path_that_is_not_a_file_is_404(sent: Ask, tmp_path: Path, name: str) -> None:
    """To open a pipe would wait for a writer."""
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    os.symlink("loop", tmp_path / "loop")

    assert (await sent(path=tmp_path / name)).status == 404


async def test_path_of_a_device_is_404(sent: Ask) -> None:
    assert (await sent(path="/dev/zero")).status == 404


async def test_file_without_permission_is_404_and_logged(
    sent: Ask, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A 403 would reveal that the file exists. Root can read nearly every file."""
    path = UNREADABLE if os.geteuid() == 0 else old_file(tmp_path / "x")
    if path == UNREADABLE and not path.exists():
        pytest.skip("root may read every file here")
    if path != UNREADABLE:
        path.chmod(0)

    assert (await sent(path=path)).status == 404
    assert [record.getMessage() for record in caplog.records] == [
        f"responded with 404 for {str(path)!r}: no permission to read it"
    ]


async def test_file_root_missing_is_500(
    sent: Ask, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert (await sent(path="x", root=tmp_path / "missing")).status == 500
    assert "missing" in caplog.text


async def test_file_root_may_be_a_symbolic_link(sent: Ask, tmp_path: Path) -> None:
    """The folder of a release is often a symbolic link. Links below it are not followed."""
    os.symlink(tmp_path, tmp_path / "current")

    assert (await sent(path="ten.txt", root=tmp_path / "current")).body == TEN
    assert (await sent(path="current/ten.txt", root=tmp_path)).status == 404


async def test_exception_listener_shapes_every_error_of_a_file(
    serve: Serve, tmp_path: Path
) -> None:
    @observe(KernelEvents.KERNEL_EXCEPTION)
    async def shape(event: ExceptionEvent) -> None:
        assert isinstance(event.exception, HttpException)
        headers = event.exception.headers
        event.set_response(Response("shaped", event.exception.status_code, headers))

    old_file(tmp_path / "ten.txt")
    application = await serve(type("Site", (Files,), {"root": tmp_path}), listeners=[shape])

    for target, line, status in (
        ("/files/missing", "X: 1", 404),
        ("/files/.env", "X: 1", 404),
        ("/files/ten.txt", 'If-Match: "other"', 412),
        ("/files/ten.txt", "Range: bytes=10-", 416),
    ):
        answer = await ask(application, target, line)
        assert (answer.status, answer.body) == (status, b"shaped")
        assert answer.headers.get("Content-Range") == ("bytes */10" if status == 416 else None)


async def test_kernel_client_returns_the_file_response_itself(
    client_of: ClientOf, tmp_path: Path
) -> None:
    client = client_of(type("Site", (Files,), {"root": tmp_path}))
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b.css").touch()

    answer = await client.http("file", params={"path": "a/b.css"})

    assert isinstance(answer, FileResponse)
    assert (answer.content, answer.root) == (tmp_path / "a" / "b.css", tmp_path)
    assert answer.headers["Content-Type"] == "text/css; charset=utf-8"
    for path in ("../x", ".env", "/etc/passwd"):
        assert (await client.http("asked", params={"path": path})).status_code == 404
