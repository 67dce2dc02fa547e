"""`StaticFiles` over HTTP, on both paths: conditions, ranges, codings, hostile paths."""

import asyncio
import gzip
import os
import shutil
from pathlib import Path

import pytest

from rxkernel import (
    Application,
    FileCacheSettings,
    FileResponse,
    KernelEvents,
    Request,
    ResponseEvent,
    StaticFiles,
    http,
    observe,
)
from tests.servers.conftest import Serve, http_url
from tests.servers.raw_files import Answer, ask, connection, read_answer, request

MOMENT = 784111777
DATE = "Sun, 06 Nov 1994 08:49:37 GMT"
EARLIER = "Sat, 05 Nov 1994 08:49:37 GMT"
TEN = b"0123456789"
TAG = "the tag"
"""Stands for the tag that the file has at a path."""

CODE = b"let answer = 42;\n" * 100
KEEPING = FileCacheSettings(check_interval=3600.0)


def write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (MOMENT, MOMENT))


@pytest.fixture
async def site(serve: Serve, tmp_path: Path) -> Application:
    """``/memory`` sends copies in memory, ``/disk`` files; ``/file`` is a `FileResponse`."""
    root = tmp_path / "site"
    write(root / "ten", TEN)
    write(root / "app.js", CODE)
    write(root / "page.js", CODE)
    write(root / "page.js.gz", b"made by a build")
    write(root / "docs" / "index.html", b"docs")
    write(root / "list" / "<b>&'\".txt", b"x")
    write(root / "list" / "b c.txt", b"xyz")
    write(root / "list" / ".hidden", b"x")
    write(root / "list" / "sub" / "x", b"x")
    write(tmp_path / "secret", b"secret")
    os.symlink(tmp_path / "secret", root / "list" / "out")

    class Whole:
        @http("GET", "/file/{path:path}", "file")
        async def file(self, request: Request) -> FileResponse:
            headers = {"Cache-Control": "no-cache"}
            return FileResponse(request.params["path"], headers=headers, root=root)

    off = FileCacheSettings(max_file_size=0)
    return await serve(
        Whole,
        StaticFiles(root, path="/memory", name="memory", listing=True, cache=KEEPING),
        StaticFiles(root, path="/disk", name="disk", listing=True, cache=off),
    )


def facts(answer: Answer) -> tuple[int, list[tuple[str, str]], bytes]:
    """Return the response without its tag and date, and with sorted headers."""
    headers = sorted(item for item in answer.headers.items() if item[0] not in ("Date", "ETag"))
    return answer.status, headers, answer.body


@pytest.mark.parametrize(
    "lines",
    [
        (),
        (f"If-None-Match: {TAG}",),
        (f'If-None-Match: "other", W/{TAG}',),
        ('If-None-Match: "other"',),
        ("If-None-Match: *",),
        (f"If-Modified-Since: {DATE}",),
        (f"If-Modified-Since: {EARLIER}",),
        (f"If-Match: {TAG}",),
        ('If-Match: "other"',),
        (f"If-Unmodified-Since: {DATE}",),
        (f"If-Unmodified-Since: {EARLIER}",),
        ("Range: bytes=0-0",),
        ("Range: bytes=2-4",),
        ("Range: bytes=-3",),
        ("Range: bytes=8-99",),
        ("Range: bytes=10-",),
        ("Range: bytes=-0",),
        ("Range: lines=1-2",),
        ("Range: bytes=1-2", f"If-Range: {TAG}"),
        ("Range: bytes=1-2", f"If-Range: W/{TAG}"),
        ("Range: bytes=1-2", f"If-Range: {DATE}"),
        ("Range: bytes=1-2", f"If-Range: {EARLIER}"),
        ("Range: bytes=1-2", "Accept-Encoding: gzip"),
        ("Range: bytes=99-", f"If-None-Match: {TAG}"),
        ("Range: bytes=99-", 'If-Match: "other"'),
    ],
    ids=" + ".join,
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_static_copy_in_memory_is_sent_as_a_file_response(
    site: Application, method: str, lines: tuple[str, ...]
) -> None:
    """The first request reads the file, the others are sent from memory."""
    answers = []
    for target in ("/memory/ten", "/memory/ten", "/disk/ten", "/file/ten"):
        tag = (await ask(site, target)).headers["ETag"]
        own = [line.replace(TAG, tag) for line in lines]
        answers.append(await ask(site, target, *own, method=method))
        assert answers[-1].headers.get("ETag", tag) == tag

    assert facts(answers[0]) == facts(answers[1]) == facts(answers[2]) == facts(answers[3])


async def test_static_copy_with_several_ranges_is_multipart(site: Application) -> None:
    for target in ("/file/ten", "/memory/ten"):
        answer = await ask(site, target, "Range: bytes=8-,0-1")

        assert answer.status == 206
        boundary = answer.headers["Content-Type"].partition("boundary=")[2].encode()
        assert answer.body.count(b"--" + boundary) == 3
        assert b"bytes 8-9/10\r\n\r\n89\r\n" in answer.body
        assert b"bytes 0-1/10\r\n\r\n01\r\n" in answer.body


@pytest.mark.parametrize("target", ["/memory/app.js", "/memory/page.js", "/disk/page.js"])
async def test_static_coding_has_its_own_tag_and_head_equals_get(
    site: Application, target: str
) -> None:
    plain = await ask(site, target)
    gzipped = await ask(site, target, "Accept-Encoding: gzip")
    head = await ask(site, target, "Accept-Encoding: gzip", method="HEAD")
    tag = gzipped.headers["ETag"]
    stored = await ask(site, target, "Accept-Encoding: gzip", f"If-None-Match: {tag}")
    other = await ask(site, target, f"If-None-Match: {tag}")

    assert gzipped.headers["Content-Encoding"] == "gzip"
    assert gzipped.headers["Vary"] == plain.headers["Vary"] == "Accept-Encoding"
    assert tag != plain.headers["ETag"]
    assert facts(head)[:2] == facts(gzipped)[:2]
    assert head.body == b""
    assert int(head.headers["Content-Length"]) == len(gzipped.body) < len(CODE)
    assert (stored.status, stored.body, stored.headers["ETag"]) == (304, b"", tag)
    assert stored.headers["Vary"] == "Accept-Encoding"
    assert not {"Content-Encoding", "Content-Type"} & set(stored.headers)
    assert (other.status, other.body) == (200, CODE)


async def test_static_range_with_accept_encoding_is_a_range_of_the_file(site: Application) -> None:
    """A client must not combine parts of two codings."""
    gzipped = await ask(site, "/memory/app.js", "Accept-Encoding: gzip")
    lines = ("Accept-Encoding: gzip", "Range: bytes=10-")

    resumed = await ask(site, "/memory/app.js", *lines, f"If-Range: {gzipped.headers['ETag']}")
    part = await ask(site, "/memory/app.js", *lines)

    assert (resumed.status, resumed.body) == (200, CODE)
    assert (part.status, part.body) == (206, CODE[10:])
    assert "Content-Encoding" not in part.headers


async def test_static_copy_stays_on_the_fast_path(site: Application) -> None:
    for _ in range(2):
        first = await ask(site, "/memory/ten")
        again = await ask(site, "/memory/ten", f"If-None-Match: {first.headers['ETag']}")
        assert (first.status, again.status) == (200, 304)
        assert (await ask(site, "/memory/ten", "Range: bytes=0-1")).status == 206

    counts = site.servers["http"].counts
    assert not [name for name in counts if name.startswith("fast path")]


async def test_static_requests_of_one_connection_are_pipelined(site: Application) -> None:
    targets = ["/memory/ten", "/disk/ten", "/memory/docs", "/memory/ten", "/memory/missing"] * 3
    async with asyncio.timeout(20), connection(site) as (reader, writer):
        writer.write(b"".join(map(request, targets)))
        answers = [await read_answer(reader) for _ in targets]

    assert [answer.status for answer in answers] == [200, 200, 302, 200, 404] * 3


@pytest.mark.parametrize(
    ("target", "status", "location"),
    [
        ("/memory", 302, "./memory/"),
        ("/memory?next=//evil", 302, "./memory/?next=//evil"),
        ("/memory/docs", 302, "./docs/"),
        ("/memory/%64ocs", 302, "./%64ocs/"),
        ("http://localhost/memory/docs", 302, "./docs/"),
        ("/memory/docs/", 200, None),
        ("//memory/docs", 404, None),
        ("/memory//evil.example", 404, None),
        ("/memory//docs", 404, None),
        ("/memory/docs//", 404, None),
        ("/memory/%5cevil.example", 404, None),
        ("/memory/%2fevil.example", 404, None),
    ],
)
async def test_static_redirect_stays_on_this_host(
    site: Application, target: str, status: int, location: str | None
) -> None:
    answer = await ask(site, target)

    assert answer.status == status
    assert answer.headers.get("Location") == location


async def test_static_folder_is_listed_as_json_or_as_a_page(site: Application) -> None:
    plain = await ask(site, "/memory/list/")
    page = await ask(site, "/memory/list/", "Accept: text/html")

    assert plain.headers["Content-Type"] == "application/json"
    assert plain.body.decode() == (
        '{"entries":[{"name":"sub","type":"folder","size":null,"modified":"MOMENT"},'
        '{"name":"<b>&\'\\".txt","type":"file","size":1,"modified":"1994-11-06T08:49:37Z"},'
        '{"name":"b c.txt","type":"file","size":3,"modified":"1994-11-06T08:49:37Z"}],'
        '"is_complete":true}'
    ).replace("MOMENT", plain.body.decode().split('"modified":"')[1].split('"')[0])
    text = page.body.decode()
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert page.headers["Vary"] == plain.headers["Vary"] == "Accept"
    assert "<b>" not in text
    assert '<a href="./%3Cb%3E%26%27%22.txt">&lt;b&gt;&amp;&#x27;&quot;.txt</a>' in text
    assert '<a href="./sub/">sub/</a>' in text
    assert '<a href="../">../</a>' in text
    assert not [name for name in ("hidden", "out") if name in text]


async def test_static_listing_of_the_root_has_no_parent(site: Application) -> None:
    page = await ask(site, "/memory/", "Accept: text/html")

    assert page.status == 200
    assert b"../" not in page.body


@pytest.mark.parametrize(
    "target", ["/memory/.git/", "/memory/missing/", "/memory/../", "/memory/list/out/"]
)
async def test_static_listing_of_no_public_folder_is_404(site: Application, target: str) -> None:
    assert (await ask(site, target)).status == 404


async def test_static_files_reject_other_methods(site: Application) -> None:
    """Impress sends a file for every method."""
    answer = await ask(site, "/memory/ten", "Content-Length: 0", method="POST")

    assert answer.status == 405
    assert answer.headers["Allow"] == "GET, HEAD, OPTIONS"


async def test_static_file_that_was_replaced_while_it_is_large_is_sent_whole(
    serve: Serve, tmp_path: Path
) -> None:
    """The size of a large file is that of the open file, not that of an earlier look."""
    write(tmp_path / "big", bytes(400_000))
    application = await serve(StaticFiles(tmp_path, cache=KEEPING))
    assert len((await ask(application, "/big")).body) == 400_000

    write(tmp_path / "big", bytes(300_001))

    answer = await ask(application, "/big")
    assert len(answer.body) == int(answer.headers["Content-Length"]) == 300_001


async def test_static_header_of_a_response_listener_is_sent(serve: Serve, tmp_path: Path) -> None:
    """A copy in memory has prepared headers, which the listener must not change."""
    write(tmp_path / "ten", TEN)
    marks = iter("ab")

    @observe(KernelEvents.KERNEL_RESPONSE)
    async def mark(event: ResponseEvent) -> None:
        if (value := next(marks, None)) is not None:
            event.response.headers["X-Mark"] = value
            event.response.headers["Cache-Control"] = "no-store"

    application = await serve(StaticFiles(tmp_path, cache=KEEPING), listeners=[mark])
    first, second, third = [await ask(application, "/ten") for _ in range(3)]

    assert [answer.headers.get("X-Mark") for answer in (first, second, third)] == ["a", "b", None]
    assert second.headers["Cache-Control"] == "no-store"
    assert third.headers["Cache-Control"] == "no-cache"
    assert first.body == second.body == third.body == TEN


@pytest.mark.parametrize("content", [{"a": 1}, b"other", "text", None])
async def test_static_content_of_a_response_listener_is_sent(
    serve: Serve, tmp_path: Path, content: object
) -> None:
    """With the headers of the file, which the listener has not changed."""
    write(tmp_path / "ten", TEN)

    @observe(KernelEvents.KERNEL_RESPONSE)
    async def replace(event: ResponseEvent) -> None:
        event.response.content = content

    application = await serve(StaticFiles(tmp_path, cache=KEEPING), listeners=[replace])
    first, second = [await ask(application, "/ten") for _ in range(2)]

    expected = {"{'a': 1}": b'{"a":1}', "b'other'": b"other", "'text'": b"text", "None": b""}
    assert second.body == expected[repr(content)]
    assert facts(first) == facts(second)
    assert second.headers["Cache-Control"] == "no-cache"
    assert second.headers["Content-Type"] == "application/octet-stream"


@pytest.mark.parametrize("setting", ["security_headers", "compression", "origins"])
async def test_static_copy_has_the_headers_of_the_settings(
    serve: Serve, tmp_path: Path, setting: str
) -> None:
    """The same as a response whose headers are not prepared."""
    write(tmp_path / "app.js", CODE)
    given = ("https://a.example",) if setting == "origins" else True
    application = await serve(StaticFiles(tmp_path, cache=KEEPING), http={setting: given})
    lines = ("Origin: https://a.example", "Accept-Encoding: gzip")

    first, second = [await ask(application, "/app.js", *lines) for _ in range(2)]
    changed = await ask(application, "/app.js", *lines, "If-Match: *")

    assert facts(first) == facts(second) == facts(changed)
    assert gzip.decompress(second.body) == CODE
    if setting == "security_headers":
        assert second.headers["X-Content-Type-Options"] == "nosniff"
    if setting == "origins":
        assert second.headers["Access-Control-Allow-Origin"] == "https://a.example"
        assert "Origin" in ", ".join(second.headers.getall("Vary"))


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is missing")
async def test_static_files_with_curl(site: Application, tmp_path: Path) -> None:
    async def curl(*arguments: str) -> bytes:
        process = await asyncio.create_subprocess_exec(
            "curl", "-sS", "--fail", "--max-time", "20", *arguments, stdout=asyncio.subprocess.PIPE
        )
        out, _ = await process.communicate()
        assert process.returncode == 0
        return out

    for base in ("/memory", "/disk"):
        url = http_url(site, base)
        assert await curl("--compressed", f"{url}/app.js") == CODE
        assert await curl("-r", "4-9", f"{url}/app.js") == CODE[4:10]
        assert await curl("-L", f"{url}/docs") == b"docs"
        assert await curl("-o", str(tmp_path / "half"), "-r", "0-99", f"{url}/app.js") == b""
        await curl("-o", str(tmp_path / "half"), "-C", "-", f"{url}/app.js")
        assert (tmp_path / "half").read_bytes() == CODE
        (tmp_path / "half").unlink()
