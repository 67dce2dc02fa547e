"""Requests for files that must not be served, and for excessive ranges."""

import os
from pathlib import Path

import pytest

from rxkernel import Application, FileCacheSettings, StaticFiles
from tests.servers.conftest import Serve
from tests.servers.raw_files import Files, ask

NOT_FOUND = (404, b'{"statusCode":404,"message":"Not Found"}')
SECRET = b"secret"


@pytest.fixture(params=["FileResponse", "copies in memory", "StaticFiles without copies"])
async def site(serve: Serve, tmp_path: Path, request: pytest.FixtureRequest) -> Application:
    """Every requested file exists, so that only the rule prevents its response."""
    root = tmp_path / "site"
    (root / "a").mkdir(parents=True)
    (root / "page.html").write_text("page")
    (root / "a" / "b.txt").write_text("b")
    (root / "ten").write_text("0123456789")
    (tmp_path / "secret").write_bytes(SECRET)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "secret").write_bytes(SECRET)
    os.symlink(tmp_path / "secret", root / "out")
    os.symlink("../../secret", root / "a" / "out")
    os.symlink(tmp_path / "folder", root / "a" / "folder")
    os.symlink("page.html", root / "within")
    for name in (
        *(".env", ".git/config", ".htaccess", "a/.hidden/x", "...", "a/.."),
        *("page.html~", "page.bak", "page.html.BAK", "page.orig", "page.old", "page.rej"),
        *("page.save", "page.swp", ".page.html.swp", "page.swo", "page.tmp", "#page.html#"),
        *("site.bak/page.html", "..\\secret", "a\\b.txt", "C:", "C:secret", "C:\\secret"),
    ):
        if not name.endswith("/.."):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(SECRET)
    for path in root.rglob("*"):
        os.utime(path, (1, 1), follow_symlinks=False)  # so that copies of the files are stored
    if request.param == "FileResponse":
        return await serve(type("Site", (Files,), {"root": root}))
    cache = FileCacheSettings(preload=request.param == "copies in memory")
    if not cache.preload:
        cache = FileCacheSettings(max_file_size=0)
    asked = type("Site", (Files,), {"root": root, "file": None})
    return await serve(asked, StaticFiles(root, path="/files", cache=cache))


async def test_file_below_the_root_is_served(site: Application) -> None:
    for path, body in {"page.html": b"page", "a/b.txt": b"b", "a%2Fb.txt": b"b"}.items():
        answer = await ask(site, f"/files/{path}")
        assert (answer.status, answer.body) == (200, body)


@pytest.mark.parametrize(
    "target",
    [
        pytest.param("/files/../secret", id="dots"),
        pytest.param("/files/../../../../../../../../etc/passwd", id="dots-to-etc"),
        pytest.param("/files/a/../../secret", id="dots-in-the-middle"),
        pytest.param("/files/a/../page.html", id="dots-that-stay"),
        pytest.param("/files/./page.html", id="one-dot"),
        pytest.param("/files/%2e%2e/secret", id="dots-encoded"),
        pytest.param("/files/%2e%2e%2fsecret", id="dots-and-slash-encoded"),
        pytest.param("/files/..%2fsecret", id="slash-encoded"),
        pytest.param("/files/%252e%252e%252fsecret", id="encoded-twice"),
        pytest.param("/files/..%5csecret", id="backslash"),
        pytest.param("/files/..\\secret", id="backslash-as-it-is"),
        pytest.param("/files/a%5cb.txt", id="backslash-inside"),
        pytest.param("/files/..;/secret", id="dots-and-semicolon"),
        pytest.param("/files/.../secret", id="three-dots"),
        pytest.param("//etc/passwd", id="two-slashes"),
        pytest.param("/files//etc/passwd", id="absolute"),
        pytest.param("/files/%2fetc%2fpasswd", id="absolute-encoded"),
        pytest.param("/files///etc/passwd", id="absolute-twice"),
        pytest.param("/files/a//b.txt", id="empty-part"),
        pytest.param("/files/page.html/", id="slash-at-the-end"),
        pytest.param("/files/file:///etc/passwd", id="url"),
        pytest.param("/files/C:", id="drive"),
        pytest.param("/files/C:secret", id="drive-relative"),
        pytest.param("/files/C:%5csecret", id="drive-absolute"),
        pytest.param("/files/c:/secret", id="drive-with-slash"),
        pytest.param("/asked?path=page.html%00.png", id="nul"),
        pytest.param("/asked?path=%00", id="only-nul"),
        pytest.param("/asked?path=", id="nothing"),
        pytest.param("/asked?path=../secret", id="dots-in-the-query"),
        pytest.param("/asked?path=/etc/passwd", id="absolute-in-the-query"),
        pytest.param("/files/out", id="symlink-out"),
        pytest.param("/files/a/out", id="relative-symlink-out"),
        pytest.param("/files/a/folder/secret", id="symlink-to-a-folder"),
        pytest.param("/files/within", id="symlink-that-stays"),
        pytest.param("/files/a", id="folder"),
        pytest.param("/files/page.html/x", id="file-for-a-folder"),
        pytest.param(f"/files/{'x' * 300}", id="name-too-long"),
        pytest.param(f"/files/{'x/' * 2000}x", id="path-too-long"),
        pytest.param("/files/nothing", id="nothing-there"),
    ],
)
async def test_file_path_outside_the_root_is_404(site: Application, target: str) -> None:
    answer = await ask(site, target)

    assert (answer.status, answer.body) == NOT_FOUND


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("page.html%00.png", id="nul-in-the-path"),
        pytest.param("%c0%ae%c0%ae/secret", id="overlong"),
        pytest.param("%ed%a0%80", id="surrogate"),
        pytest.param("%2g", id="half-encoded"),
    ],
)
async def test_file_path_that_cannot_be_decoded_is_400(site: Application, name: str) -> None:
    """The router rejects it for every route."""
    answer = await ask(site, f"/files/{name}")

    assert answer.status == 400


@pytest.mark.parametrize(
    ("header", "status", "content_range", "body"),
    [
        pytest.param(f"bytes={'0-,' * 1000}", 206, "bytes 0-9/10", b"0123456789", id="thousand"),
        pytest.param("bytes=" + "5-4," * 1000, 416, "bytes */10", None, id="thousand-backwards"),
        pytest.param(
            "bytes=" + ",".join(f"0-{n}" for n in range(1000)),
            *(206, "bytes 0-9/10", b"0123456789"),
            id="apache-killer",
        ),
        pytest.param("bytes=0-5,3-7", 206, "bytes 0-7/10", b"01234567", id="overlapping"),
        pytest.param("bytes=0-1,2-3", 206, "bytes 0-3/10", b"0123", id="touching"),
        pytest.param("bytes=7-3", 416, "bytes */10", None, id="backwards"),
        pytest.param("bytes=0-1,7-3", 416, "bytes */10", None, id="one-of-two-backwards"),
        pytest.param("bytes=-0", 416, "bytes */10", None, id="last-none"),
        pytest.param("bytes=10-", 416, "bytes */10", None, id="behind-the-end"),
        pytest.param("bytes=--5", 416, "bytes */10", None, id="minus-minus"),
        pytest.param("bytes=0x1-0x5", 416, "bytes */10", None, id="hexadecimal"),
        pytest.param("bytes=abc", 416, "bytes */10", None, id="no-number"),
        pytest.param(f"bytes=-{'9' * 5000}", 416, "bytes */10", None, id="endless-number"),
        pytest.param(f"bytes=0-{2**64}", 206, "bytes 0-9/10", b"0123456789", id="past-64-bits"),
        pytest.param("lines=1-2", 200, None, b"0123456789", id="another-unit"),
    ],
)
async def test_file_range_malformed_or_excessive_is_bounded(
    site: Application, header: str, status: int, content_range: str | None, body: bytes | None
) -> None:
    answer = await ask(site, "/files/ten", f"Range: {header}")

    assert answer.status == status
    assert answer.headers.get("Content-Range") == content_range
    assert body is None or answer.body == body
    assert answer.headers["Content-Length"] == str(len(answer.body))


async def test_file_range_with_too_many_parts_sends_the_whole_file(
    serve: Serve, tmp_path: Path
) -> None:
    """CVE-2011-3192: each part had a head and a buffer. A header cannot hold more parts."""
    (tmp_path / "x").write_bytes(bytes(5000))
    site = await serve(type("Site", (Files,), {"root": tmp_path}))
    header = ",".join(f"{place}-{place}" for place in range(0, 1800, 2))

    answer = await ask(site, "/files/x", f"Range: bytes={header}")

    assert (answer.status, answer.body) == (200, bytes(5000))


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(".env", id="env"),
        pytest.param(".git/config", id="git"),
        pytest.param("%2egit/config", id="git-encoded"),
        pytest.param(".htaccess", id="htaccess"),
        pytest.param("a/.hidden/x", id="hidden-folder"),
        pytest.param("...", id="dots"),
        pytest.param("page.html~", id="tilde"),
        pytest.param("page.html%7E", id="tilde-encoded"),
        pytest.param("page.bak", id="bak"),
        pytest.param("page.html.BAK", id="bak-in-capitals"),
        pytest.param("page.orig", id="orig"),
        pytest.param("page.old", id="old"),
        pytest.param("page.rej", id="rej"),
        pytest.param("page.save", id="save"),
        pytest.param("page.swp", id="swp"),
        pytest.param("page.swo", id="swo"),
        pytest.param(".page.html.swp", id="hidden-swp"),
        pytest.param("page.tmp", id="tmp"),
        pytest.param("%23page.html%23", id="emacs"),
        pytest.param("site.bak/page.html", id="folder-of-a-backup"),
    ],
)
async def test_file_hidden_or_left_by_an_editor_is_404(site: Application, name: str) -> None:
    answer = await ask(site, f"/files/{name}")

    assert (answer.status, answer.body) == NOT_FOUND
