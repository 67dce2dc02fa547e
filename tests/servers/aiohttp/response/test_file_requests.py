"""Requests for files that must not be served, and for excessive ranges."""

import os
from pathlib import Path

import pytest

from rxkernel import Application, FileCacheSettings, StaticFiles
from tests.servers.conftest import Serve
from tests.servers.raw_files import Answer, Files, ask

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


# One test asks for all of them, since each server has to start first.
OUTSIDE = {
    "dots": "/files/../secret",
    "dots-to-etc": "/files/../../../../../../../../etc/passwd",
    "dots-in-the-middle": "/files/a/../../secret",
    "dots-that-stay": "/files/a/../page.html",
    "one-dot": "/files/./page.html",
    "dots-encoded": "/files/%2e%2e/secret",
    "dots-and-slash-encoded": "/files/%2e%2e%2fsecret",
    "slash-encoded": "/files/..%2fsecret",
    "encoded-twice": "/files/%252e%252e%252fsecret",
    "backslash": "/files/..%5csecret",
    "backslash-as-it-is": "/files/..\\secret",
    "backslash-inside": "/files/a%5cb.txt",
    "dots-and-semicolon": "/files/..;/secret",
    "three-dots": "/files/.../secret",
    "two-slashes": "//etc/passwd",
    "absolute": "/files//etc/passwd",
    "absolute-encoded": "/files/%2fetc%2fpasswd",
    "absolute-twice": "/files///etc/passwd",
    "empty-part": "/files/a//b.txt",
    "slash-at-the-end": "/files/page.html/",
    "url": "/files/file:///etc/passwd",
    "drive": "/files/C:",
    "drive-relative": "/files/C:secret",
    "drive-absolute": "/files/C:%5csecret",
    "drive-with-slash": "/files/c:/secret",
    "nul": "/asked?path=page.html%00.png",
    "only-nul": "/asked?path=%00",
    "nothing": "/asked?path=",
    "dots-in-the-query": "/asked?path=../secret",
    "absolute-in-the-query": "/asked?path=/etc/passwd",
    "symlink-out": "/files/out",
    "relative-symlink-out": "/files/a/out",
    "symlink-to-a-folder": "/files/a/folder/secret",
    "symlink-that-stays": "/files/within",
    "folder": "/files/a",
    "file-for-a-folder": "/files/page.html/x",
    "name-too-long": f"/files/{'x' * 300}",
    "path-too-long": f"/files/{'x/' * 2000}x",
    "nothing-there": "/files/nothing",
}


async def test_file_path_outside_the_root_is_404(site: Application) -> None:
    answers = [(name, await ask(site, target)) for name, target in OUTSIDE.items()]

    assert [(name, answer) for name, answer in answers if not is_404(answer)] == []


def is_404(answer: Answer) -> bool:
    return (answer.status, answer.body) == NOT_FOUND


UNDECODABLE = {
    "nul-in-the-path": "page.html%00.png",
    "overlong": "%c0%ae%c0%ae/secret",
    "surrogate": "%ed%a0%80",
    "half-encoded": "%2g",
}


async def test_file_path_that_cannot_be_decoded_is_400(site: Application) -> None:
    """The router rejects it for every route."""
    answers = [(name, await ask(site, f"/files/{path}")) for name, path in UNDECODABLE.items()]

    assert [(name, answer) for name, answer in answers if answer.status != 400] == []


TEN = b"0123456789"
REFUSED = (416, "bytes */10", None)
RANGES: dict[str, tuple[str, int, str | None, bytes | None]] = {
    "thousand": (f"bytes={'0-,' * 1000}", 206, "bytes 0-9/10", TEN),
    "thousand-backwards": ("bytes=" + "5-4," * 1000, *REFUSED),
    "apache-killer": (
        "bytes=" + ",".join(f"0-{n}" for n in range(1000)),
        206,
        "bytes 0-9/10",
        TEN,
    ),
    "overlapping": ("bytes=0-5,3-7", 206, "bytes 0-7/10", b"01234567"),
    "touching": ("bytes=0-1,2-3", 206, "bytes 0-3/10", b"0123"),
    "backwards": ("bytes=7-3", *REFUSED),
    "one-of-two-backwards": ("bytes=0-1,7-3", *REFUSED),
    "last-none": ("bytes=-0", *REFUSED),
    "behind-the-end": ("bytes=10-", *REFUSED),
    "minus-minus": ("bytes=--5", *REFUSED),
    "hexadecimal": ("bytes=0x1-0x5", *REFUSED),
    "no-number": ("bytes=abc", *REFUSED),
    "endless-number": (f"bytes=-{'9' * 5000}", *REFUSED),
    "past-64-bits": (f"bytes=0-{2**64}", 206, "bytes 0-9/10", TEN),
    "another-unit": ("lines=1-2", 200, None, TEN),
}


async def test_file_range_malformed_or_excessive_is_bounded(site: Application) -> None:
    """The body of an error may be any text."""
    answers = {
        name: await ask(site, "/files/ten", f"Range: {row[0]}") for name, row in RANGES.items()
    }

    found = {
        name: (status, headers.get("Content-Range"), None if status == 416 else body)
        for name, (status, headers, body) in answers.items()
    }
    assert found == {name: tuple(wanted) for name, (_, *wanted) in RANGES.items()}
    assert [
        name
        for name, (_, headers, body) in answers.items()
        if headers["Content-Length"] != str(len(body))
    ] == []


async def test_file_range_with_too_many_parts_sends_the_whole_file(
    serve: Serve, tmp_path: Path
) -> None:
    """CVE-2011-3192: each part had a head and a buffer. A header cannot hold more parts."""
    (tmp_path / "x").write_bytes(bytes(5000))
    site = await serve(type("Site", (Files,), {"root": tmp_path}))
    header = ",".join(f"{place}-{place}" for place in range(0, 1800, 2))

    answer = await ask(site, "/files/x", f"Range: bytes={header}")

    assert (answer.status, answer.body) == (200, bytes(5000))


HIDDEN = {
    "env": ".env",
    "git": ".git/config",
    "git-encoded": "%2egit/config",
    "htaccess": ".htaccess",
    "hidden-folder": "a/.hidden/x",
    "dots": "...",
    "tilde": "page.html~",
    "tilde-encoded": "page.html%7E",
    "bak": "page.bak",
    "bak-in-capitals": "page.html.BAK",
    "orig": "page.orig",
    "old": "page.old",
    "rej": "page.rej",
    "save": "page.save",
    "swp": "page.swp",
    "swo": "page.swo",
    "hidden-swp": ".page.html.swp",
    "tmp": "page.tmp",
    "emacs": "%23page.html%23",
    "folder-of-a-backup": "site.bak/page.html",
}


async def test_file_hidden_or_left_by_an_editor_is_404(site: Application) -> None:
    answers = [(name, await ask(site, f"/files/{path}")) for name, path in HIDDEN.items()]

    assert [(name, answer) for name, answer in answers if not is_404(answer)] == []
