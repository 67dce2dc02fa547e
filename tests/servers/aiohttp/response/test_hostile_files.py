# ruff: noqa: N802 - tests are named by the rows of the programme
"""Rows G1 to G3 of the test programme: who asks for a file that is not for them."""

import os
from pathlib import Path

import pytest

from rxkernel import Application
from tests.servers.conftest import Serve
from tests.servers.raw_files import Files, ask

NOT_FOUND = (404, b'{"statusCode":404,"message":"Not Found"}')
SECRET = b"secret"


@pytest.fixture
async def site(serve: Serve, tmp_path: Path) -> Application:
    """Whatever is asked for below is there: only the rule keeps it back."""
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
    return await serve(type("Site", (Files,), {"root": root}))


async def test_the_site_serves_what_is_meant_to_be_seen(site: Application) -> None:
    for path, body in {"page.html": b"page", "a/b.txt": b"b", "a%2Fb.txt": b"b"}.items():
        answer = await ask(site, f"/files/{path}")
        assert (answer.status, answer.body) == (200, body)


@pytest.mark.parametrize(
    "target",
    [
        pytest.param("/files/../secret", id="G1-dots"),
        pytest.param("/files/../../../../../../../../etc/passwd", id="G1-dots-to-etc"),
        pytest.param("/files/a/../../secret", id="G1-dots-in-the-middle"),
        pytest.param("/files/a/../page.html", id="G1-dots-that-stay"),
        pytest.param("/files/./page.html", id="G1-one-dot"),
        pytest.param("/files/%2e%2e/secret", id="G1-dots-encoded"),
        pytest.param("/files/%2e%2e%2fsecret", id="G1-dots-and-slash-encoded"),
        pytest.param("/files/..%2fsecret", id="G1-slash-encoded"),
        pytest.param("/files/%252e%252e%252fsecret", id="G1-encoded-twice"),
        pytest.param("/files/..%5csecret", id="G1-backslash"),
        pytest.param("/files/..\\secret", id="G1-backslash-as-it-is"),
        pytest.param("/files/a%5cb.txt", id="G1-backslash-inside"),
        pytest.param("/files/..;/secret", id="G1-dots-and-semicolon"),
        pytest.param("/files/.../secret", id="G1-three-dots"),
        pytest.param("//etc/passwd", id="G1-two-slashes"),
        pytest.param("/files//etc/passwd", id="G1-absolute"),
        pytest.param("/files/%2fetc%2fpasswd", id="G1-absolute-encoded"),
        pytest.param("/files///etc/passwd", id="G1-absolute-twice"),
        pytest.param("/files/a//b.txt", id="G1-empty-part"),
        pytest.param("/files/page.html/", id="G1-slash-at-the-end"),
        pytest.param("/files/file:///etc/passwd", id="G1-url"),
        pytest.param("/files/C:", id="G1-drive"),
        pytest.param("/files/C:secret", id="G1-drive-relative"),
        pytest.param("/files/C:%5csecret", id="G1-drive-absolute"),
        pytest.param("/files/c:/secret", id="G1-drive-with-slash"),
        pytest.param("/asked?path=page.html%00.png", id="G1-nul"),
        pytest.param("/asked?path=%00", id="G1-only-nul"),
        pytest.param("/asked?path=", id="G1-nothing"),
        pytest.param("/asked?path=../secret", id="G1-dots-in-the-query"),
        pytest.param("/asked?path=/etc/passwd", id="G1-absolute-in-the-query"),
        pytest.param("/files/out", id="G1-symlink-out"),
        pytest.param("/files/a/out", id="G1-relative-symlink-out"),
        pytest.param("/files/a/folder/secret", id="G1-symlink-to-a-folder"),
        pytest.param("/files/within", id="G1-symlink-that-stays"),
        pytest.param("/files/a", id="G1-folder"),
        pytest.param("/files/page.html/x", id="G1-file-for-a-folder"),
        pytest.param(f"/files/{'x' * 300}", id="G1-name-too-long"),
        pytest.param(f"/files/{'x/' * 2000}x", id="G1-path-too-long"),
        pytest.param("/files/nothing", id="G1-nothing-there"),
    ],
)
async def test_G1_a_path_that_leaves_the_folder_is_not_there(
    site: Application, target: str
) -> None:
    answer = await ask(site, target)

    assert (answer.status, answer.body) == NOT_FOUND


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("page.html%00.png", id="G1-nul-in-the-path"),
        pytest.param("%c0%ae%c0%ae/secret", id="G1-overlong"),
        pytest.param("%ed%a0%80", id="G1-surrogate"),
        pytest.param("%2g", id="G1-half-encoded"),
    ],
)
async def test_G1_a_path_that_is_no_text_reaches_no_route(site: Application, name: str) -> None:
    """Row B15: the router refuses it for every route."""
    answer = await ask(site, f"/files/{name}")

    assert answer.status == 400


@pytest.mark.parametrize(
    ("header", "status", "content_range", "body"),
    [
        pytest.param(
            f"bytes={'0-,' * 1000}", 206, "bytes 0-9/10", b"0123456789", id="G2-thousand"
        ),
        pytest.param(
            "bytes=" + "5-4," * 1000, 416, "bytes */10", None, id="G2-thousand-backwards"
        ),
        pytest.param(
            "bytes=" + ",".join(f"0-{n}" for n in range(1000)),
            *(206, "bytes 0-9/10", b"0123456789"),
            id="G2-apache-killer",
        ),
        pytest.param("bytes=0-5,3-7", 206, "bytes 0-7/10", b"01234567", id="G2-overlapping"),
        pytest.param("bytes=0-1,2-3", 206, "bytes 0-3/10", b"0123", id="G2-touching"),
        pytest.param("bytes=7-3", 416, "bytes */10", None, id="G2-backwards"),
        pytest.param("bytes=0-1,7-3", 416, "bytes */10", None, id="G2-one-of-two-backwards"),
        pytest.param("bytes=-0", 416, "bytes */10", None, id="G2-last-none"),
        pytest.param("bytes=10-", 416, "bytes */10", None, id="G2-behind-the-end"),
        pytest.param("bytes=--5", 416, "bytes */10", None, id="G2-minus-minus"),
        pytest.param("bytes=0x1-0x5", 416, "bytes */10", None, id="G2-hexadecimal"),
        pytest.param("bytes=abc", 416, "bytes */10", None, id="G2-no-number"),
        pytest.param(f"bytes=-{'9' * 5000}", 416, "bytes */10", None, id="G2-endless-number"),
        pytest.param(f"bytes=0-{2**64}", 206, "bytes 0-9/10", b"0123456789", id="G2-past-64-bits"),
        pytest.param("lines=1-2", 200, None, b"0123456789", id="G2-another-unit"),
    ],
)
async def test_G2_ranges_are_bounded(
    site: Application, header: str, status: int, content_range: str | None, body: bytes | None
) -> None:
    answer = await ask(site, "/files/ten", f"Range: {header}")

    assert answer.status == status
    assert answer.headers.get("Content-Range") == content_range
    assert body is None or answer.body == body
    assert answer.headers["Content-Length"] == str(len(answer.body))


async def test_G2_too_many_parts_are_the_whole_once(serve: Serve, tmp_path: Path) -> None:
    """CVE-2011-3192: each part had a head and a buffer. More do not fit into a header."""
    (tmp_path / "x").write_bytes(bytes(5000))
    site = await serve(type("Site", (Files,), {"root": tmp_path}))
    header = ",".join(f"{place}-{place}" for place in range(0, 1800, 2))

    answer = await ask(site, "/files/x", f"Range: bytes={header}")

    assert (answer.status, answer.body) == (200, bytes(5000))


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(".env", id="G3-env"),
        pytest.param(".git/config", id="G3-git"),
        pytest.param("%2egit/config", id="G3-git-encoded"),
        pytest.param(".htaccess", id="G3-htaccess"),
        pytest.param("a/.hidden/x", id="G3-hidden-folder"),
        pytest.param("...", id="G3-dots"),
        pytest.param("page.html~", id="G3-tilde"),
        pytest.param("page.html%7E", id="G3-tilde-encoded"),
        pytest.param("page.bak", id="G3-bak"),
        pytest.param("page.html.BAK", id="G3-bak-in-capitals"),
        pytest.param("page.orig", id="G3-orig"),
        pytest.param("page.old", id="G3-old"),
        pytest.param("page.rej", id="G3-rej"),
        pytest.param("page.save", id="G3-save"),
        pytest.param("page.swp", id="G3-swp"),
        pytest.param("page.swo", id="G3-swo"),
        pytest.param(".page.html.swp", id="G3-hidden-swp"),
        pytest.param("page.tmp", id="G3-tmp"),
        pytest.param("%23page.html%23", id="G3-emacs"),
        pytest.param("site.bak/page.html", id="G3-folder-of-a-backup"),
    ],
)
async def test_G3_what_is_hidden_or_left_behind_is_not_there(site: Application, name: str) -> None:
    answer = await ask(site, f"/files/{name}")

    assert (answer.status, answer.body) == NOT_FOUND
