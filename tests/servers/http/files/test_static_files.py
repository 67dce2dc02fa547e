"""`StaticFiles` without a port: which file is sent, from where, and what boot rejects."""

import asyncio
import gzip
import hashlib
import os
import threading
import zipfile
from collections import Counter
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import brotli
import pytest

from rxkernel import (
    Application,
    ApplicationEvents,
    BootstrapEvent,
    Bundle,
    ConfigurationError,
    FileCacheSettings,
    FileResponse,
    HttpSettings,
    KernelEvents,
    NotFoundException,
    Request,
    RequestEvent,
    Response,
    Settings,
    StaticFiles,
    http,
    observe,
)
from rxkernel.pytest_plugin import ClientOf
from rxkernel.servers.http.files.representations import FileReader

MOMENT = 784111777
CODE = b"let answer = 42;\n" * 100
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8", "Accept-Encoding": "gzip, br"}
CHECKING = FileCacheSettings(check_interval=0.0)
KEEPING = FileCacheSettings(check_interval=3600.0)


def write(path: Path, content: bytes = CODE, moment: float = MOMENT) -> Path:
    """A file that was written long ago."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (moment, moment))
    return path


class Reads:
    """Counts how often each path is read from disk."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.counts: Counter[str] = Counter()
        self.threads: set[int] = set()
        read = FileReader.read

        def counted(reader: FileReader, path: str, *arguments: Any) -> Any:
            self.counts[path] += 1
            self.threads.add(threading.get_ident())
            return read(reader, path, *arguments)

        monkeypatch.setattr(FileReader, "read", counted)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Reads:
    return Reads(monkeypatch)


class Site:
    """A client of one `StaticFiles`."""

    def __init__(self, client_of: ClientOf, files: StaticFiles, **parts: Any) -> None:
        self._client = client_of(files, **parts)

    async def get(
        self,
        path: str,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Response:
        name = "static" if path else "static_index"
        params = {**({"path": path} if path else {}), **(query or {})}
        return await self._client.http(name, params=params, headers=headers)


# --- what is sent


async def test_static_file_is_sent_with_its_type_and_validators(
    client_of: ClientOf, tmp_path: Path
) -> None:
    write(tmp_path / "a" / "app.js")

    sent = await Site(client_of, StaticFiles(tmp_path)).get("a/app.js")

    assert (sent.status_code, sent.content) == (200, CODE)
    assert {name: value for name, value in sent.headers.items() if name != "X-Request-ID"} == {
        "Content-Type": "text/javascript; charset=utf-8",
        "Vary": "Accept-Encoding",
        "Cache-Control": "no-cache",
        "ETag": f'"{hashlib.blake2b(CODE, digest_size=12).hexdigest()}"',
        "Last-Modified": "Sun, 06 Nov 1994 08:49:37 GMT",
        "Accept-Ranges": "bytes",
    }


async def test_static_index_is_sent_for_root_and_folders(
    client_of: ClientOf, tmp_path: Path
) -> None:
    write(tmp_path / "index.html", b"root")
    write(tmp_path / "a" / "index.html", b"folder")
    site = Site(client_of, StaticFiles(tmp_path))

    assert (await site.get("")).content == b"root"
    assert (await site.get("a/")).content == b"folder"
    assert (await site.get("a/index.html")).content == b"folder"


@pytest.mark.parametrize("name", ["default.htm", None])
async def test_static_index_may_have_another_name_or_be_off(
    client_of: ClientOf, tmp_path: Path, name: str | None
) -> None:
    write(tmp_path / "a" / "index.html", b"root")
    write(tmp_path / "a" / "default.htm", b"other")
    site = Site(client_of, StaticFiles(tmp_path, index=name))

    sent = await site.get("a/")
    assert (sent.status_code == 200) == (name is not None)
    assert (sent.content == b"other") == (name is not None)


@pytest.mark.parametrize(
    ("path", "query", "location"),
    [
        ("a", {}, "./a/"),
        ("a/b c", {}, "./b%20c/"),
        ("a", {"x": "1 2", "y": "//evil"}, "./a/?x=1+2&y=%2F%2Fevil"),
        ("a/http:", {}, "./http:/"),
        ("ä", {}, "./%C3%A4/"),
        ("a/evil.example", {}, "./evil.example/"),
    ],
)
async def test_static_folder_without_slash_is_redirected_relatively(
    client_of: ClientOf, tmp_path: Path, path: str, query: dict[str, str], location: str
) -> None:
    """The target begins with ``./``, so it has no host and no scheme (RFC 3986 §4.2)."""
    write(tmp_path / path / "index.html", b"index")

    sent = await Site(client_of, StaticFiles(tmp_path, path="/static")).get(path, query=query)

    assert (sent.status_code, sent.headers["Location"]) == (302, location)


async def test_static_root_without_slash_is_redirected(
    client_of: ClientOf, tmp_path: Path
) -> None:
    write(tmp_path / "index.html", b"root")
    settings = Settings(http=HttpSettings(prefix="/api"))
    site = Site(client_of, StaticFiles(tmp_path, path="/static"), settings=settings)

    sent = await site.get("", query={"x": "1"})

    assert (sent.status_code, sent.headers["Location"]) == (302, "./static/?x=1")


async def test_static_folder_without_index_and_listing_is_404(
    client_of: ClientOf, tmp_path: Path
) -> None:
    """A redirect would reveal that the folder exists."""
    write(tmp_path / "a" / "b.txt")
    site = Site(client_of, StaticFiles(tmp_path))

    for path in ("", "a", "a/", "a//", "/"):
        assert (await site.get(path)).status_code == 404, path


@pytest.mark.parametrize(
    ("path", "accept", "status"),
    [
        ("orders/7", "text/html", 200),
        ("orders/jane.doe", "text/html", 200),
        ("page.html", "text/html", 200),
        ("folder", "text/html", 200),
        ("folder/", "text/html", 200),
        ("app-old.js", "text/html", 404),
        ("app.css", "text/html", 404),
        ("a/logo.PNG", "text/html", 404),
        ("orders/7", "*/*", 404),
        ("orders/7", "application/json", 404),
        ("orders/7", None, 404),
        (".env", "text/html", 404),
        (".git/", "text/html", 404),
    ],
)
async def test_static_fallback_is_sent_to_navigations_only(
    client_of: ClientOf, tmp_path: Path, path: str, accept: str | None, status: int
) -> None:
    """A missing script must not be HTML with 200: the browser would report a syntax error."""
    write(tmp_path / "index.html", b"page")
    (tmp_path / "folder").mkdir()
    site = Site(client_of, StaticFiles(tmp_path, fallback="index.html"))

    sent = await site.get(path, {"Accept": accept} if accept else {})

    assert sent.status_code == status
    assert (sent.content == b"page") == (status == 200)
    if status == 200:
        assert sent.headers["Vary"] == "Accept"


async def test_static_fallback_excludes_the_paths_of_a_subclass(
    client_of: ClientOf, tmp_path: Path
) -> None:
    class Pages(StaticFiles):
        def is_page(self, request: Request, path: str) -> bool:
            return not path.startswith("api/") and super().is_page(request, path)

    (tmp_path / "index.html").write_text("page")
    site = Site(client_of, Pages(tmp_path, fallback="index.html"))

    assert (await site.get("about", {"Accept": "text/html"})).status_code == 200
    assert (await site.get("api/about", {"Accept": "text/html"})).status_code == 404


async def test_static_fallback_that_was_deleted_is_404(
    client_of: ClientOf, tmp_path: Path
) -> None:
    page = write(tmp_path / "index.html", b"page")
    site = Site(client_of, StaticFiles(tmp_path, fallback="index.html", cache=CHECKING))
    assert (await site.get("x", BROWSER)).status_code == 200

    page.unlink()

    assert (await site.get("x", BROWSER)).status_code == 404


async def test_static_cache_control_follows_max_age_and_patterns(
    client_of: ClientOf, tmp_path: Path
) -> None:
    for name in ("index.html", "assets/app-3f9c.js", "assets/a/b.css", "Assets/x.js"):
        write(tmp_path / name)
    site = Site(client_of, StaticFiles(tmp_path, max_age=60, immutable=["assets/*"]))

    found = {
        name: (await site.get(name)).headers["Cache-Control"]
        for name in ("index.html", "assets/app-3f9c.js", "assets/a/b.css", "Assets/x.js")
    }

    forever = "max-age=31536000, immutable"
    assert list(found.values()) == ["max-age=60", forever, forever, "max-age=60"]


# --- codings


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip", "gzip"),
        ("gzip, deflate, br", "br"),
        ("gzip, deflate, br, zstd", "br"),
        ("zstd", "zstd"),
        ("br;q=0.5, gzip", "gzip"),
        ("*", "br"),
        ("br;q=0, *", "zstd"),
        ("identity", None),
        ("identity, gzip;q=0.5", None),
        ("gzip;q=0", None),
        ("deflate", None),
        ("", None),
    ],
)
async def test_static_file_is_compressed_as_the_client_prefers(
    client_of: ClientOf, tmp_path: Path, accepted: str, coding: str | None
) -> None:
    write(tmp_path / "app.js")
    site = Site(client_of, StaticFiles(tmp_path))
    plain = await site.get("app.js")

    sent = await site.get("app.js", {"Accept-Encoding": accepted})

    assert sent.headers.get("Content-Encoding") == coding
    assert (len(sent.content) < len(CODE)) == (coding is not None)
    assert sent.headers["Vary"] == "Accept-Encoding"
    if coding is not None:
        tag = plain.headers["ETag"]
        assert sent.headers["ETag"] == f'W/{tag[:-1]}-{coding}"'


async def test_static_file_is_read_and_compressed_once_for_each_coding(
    client_of: ClientOf, tmp_path: Path, reads: Reads
) -> None:
    write(tmp_path / "app.js")
    site = Site(client_of, StaticFiles(tmp_path, cache=KEEPING))

    for _ in range(3):
        assert gzip.decompress((await site.get("app.js", {"Accept-Encoding": "gzip"})).content)
        found = await site.get("app.js", {"Accept-Encoding": "gzip, br"})
        assert brotli.decompress(found.content) == CODE
        assert (await site.get("app.js")).content == CODE

    assert reads.counts == {"app.js": 3}
    assert threading.get_ident() not in reads.threads


@pytest.mark.parametrize(
    ("name", "content", "options"),
    [
        pytest.param("app.js", CODE[:255], {}, id="small"),
        pytest.param("logo.png", CODE, {}, id="compressed-type"),
        pytest.param("app.js", os.urandom(1000), {}, id="not-smaller"),
        pytest.param("app.js", CODE, {"compress": False}, id="off"),
    ],
)
async def test_static_file_is_not_compressed(
    client_of: ClientOf, tmp_path: Path, name: str, content: bytes, options: dict[str, Any]
) -> None:
    write(tmp_path / name, content)

    sent = await Site(client_of, StaticFiles(tmp_path, **options)).get(name, BROWSER)

    assert sent.content == content
    assert "Content-Encoding" not in sent.headers


@pytest.mark.parametrize("cache", [FileCacheSettings(), FileCacheSettings(max_file_size=0)])
@pytest.mark.parametrize(("suffix", "coding"), [(".br", "br"), (".gz", "gzip"), (".zst", "zstd")])
async def test_static_compressed_file_beside_it_is_sent_in_its_place(
    client_of: ClientOf, tmp_path: Path, suffix: str, coding: str, cache: FileCacheSettings
) -> None:
    """Also if the server could compress it with a coding that the client prefers."""
    write(tmp_path / "app.js")
    write(tmp_path / f"app.js{suffix}", b"made by a build")
    site = Site(client_of, StaticFiles(tmp_path, cache=cache, compress=True))

    sent = await site.get("app.js", {"Accept-Encoding": "br, gzip, zstd"})
    plain = await site.get("app.js")

    assert sent.headers["Content-Encoding"] == coding
    assert sent.headers["Content-Type"] == plain.headers["Content-Type"]
    assert sent.headers["Vary"] == plain.headers["Vary"] == "Accept-Encoding"
    if cache.max_file_size:
        assert (sent.content, plain.content) == (b"made by a build", CODE)
        assert sent.headers["ETag"] not in (plain.headers["ETag"], f"W/{plain.headers['ETag']}")
        assert not sent.headers["ETag"].startswith("W/")
    else:
        assert isinstance(sent, FileResponse)
        assert sent.content == tmp_path / f"app.js{suffix}"


@pytest.mark.parametrize("kind", ["older", "folder", "link"])
async def test_static_compressed_file_that_is_invalid_is_ignored(
    client_of: ClientOf, tmp_path: Path, kind: str
) -> None:
    write(tmp_path / "app.js", CODE)
    if kind == "older":
        write(tmp_path / "app.js.gz", b"yesterday", MOMENT - 1)
    elif kind == "folder":
        (tmp_path / "app.js.gz").mkdir()
    else:
        os.symlink(write(tmp_path / "other"), tmp_path / "app.js.gz")
    site = Site(client_of, StaticFiles(tmp_path))

    sent = await site.get("app.js", {"Accept-Encoding": "gzip"})

    assert gzip.decompress(sent.content) == CODE


async def test_static_compressed_file_requested_by_its_name_is_sent(
    client_of: ClientOf, tmp_path: Path
) -> None:
    write(tmp_path / "app.js")
    write(tmp_path / "app.js.gz", b"zipped")

    sent = await Site(client_of, StaticFiles(tmp_path)).get("app.js.gz", BROWSER)

    assert (sent.content, sent.headers["Content-Type"]) == (b"zipped", "application/gzip")
    assert "Content-Encoding" not in sent.headers


# --- memory


async def test_static_file_that_changed_is_read_again(client_of: ClientOf, tmp_path: Path) -> None:
    """By time, size, or number: a file may be replaced by one with the same time and size."""
    path = write(tmp_path / "a.txt", b"one")
    site = Site(client_of, StaticFiles(tmp_path, cache=CHECKING))
    assert (await site.get("a.txt")).content == b"one"

    write(path, b"two", MOMENT + 1)
    assert (await site.get("a.txt")).content == b"two"
    write(path, b"three", MOMENT + 1)
    assert (await site.get("a.txt")).content == b"three"
    write(tmp_path / "new", b"THREE", MOMENT + 1).replace(path)
    assert (await site.get("a.txt")).content == b"THREE"
    path.unlink()
    assert (await site.get("a.txt")).status_code == 404
    write(path, b"back")
    assert (await site.get("a.txt")).content == b"back"


async def test_static_compressed_file_added_or_removed_is_noticed(
    client_of: ClientOf, tmp_path: Path
) -> None:
    write(tmp_path / "a.txt")
    site = Site(client_of, StaticFiles(tmp_path, cache=CHECKING, compress=False))
    gzipped = {"Accept-Encoding": "gzip"}
    assert (await site.get("a.txt", gzipped)).content == CODE

    beside = write(tmp_path / "a.txt.gz", b"zipped")
    assert (await site.get("a.txt", gzipped)).content == b"zipped"
    beside.unlink()
    assert (await site.get("a.txt", gzipped)).content == CODE


async def test_static_file_in_memory_is_compared_after_the_interval(
    client_of: ClientOf, tmp_path: Path, reads: Reads, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "a.txt", b"one")
    files = StaticFiles(tmp_path, cache=FileCacheSettings(check_interval=5.0))
    site, now = Site(client_of, files), [100.0]
    monkeypatch.setattr("rxkernel.servers.http.files.file_cache.monotonic", lambda: now[0])
    monkeypatch.setattr("rxkernel.servers.http.files.static_files.monotonic", lambda: now[0])
    await site.get("a.txt")
    write(path, b"two", MOMENT + 1)

    now[0] = 104.9
    assert (await site.get("a.txt")).content == b"one"
    now[0] = 105.0
    assert (await site.get("a.txt")).content == b"two"
    now[0] = 109.0
    assert (await site.get("a.txt")).content == b"two"
    assert reads.counts == {"a.txt": 2}


async def test_static_file_just_written_is_not_kept(
    client_of: ClientOf, tmp_path: Path, reads: Reads
) -> None:
    """Another change might have the same time and size."""
    (tmp_path / "a.txt").write_bytes(CODE)
    moment = (tmp_path / "a.txt").stat().st_mtime
    site = Site(client_of, StaticFiles(tmp_path, cache=KEEPING))

    first = await site.get("a.txt")
    (tmp_path / "a.txt").write_bytes(CODE.upper())
    os.utime(tmp_path / "a.txt", (moment, moment))
    second = await site.get("a.txt")

    assert "Last-Modified" not in first.headers
    assert (first.content, second.content) == (CODE, CODE.upper())


async def test_static_tag_depends_on_the_content_only(client_of: ClientOf, tmp_path: Path) -> None:
    """Some builds set one time for all files; equal files on two machines have different times."""
    path = write(tmp_path / "a.txt", b"one")
    site = Site(client_of, StaticFiles(tmp_path, cache=CHECKING))
    first = await site.get("a.txt")

    write(tmp_path / "new", b"two").replace(path)
    changed = await site.get("a.txt")
    write(path, b"one", MOMENT + 1)
    again = await site.get("a.txt")

    assert first.headers["ETag"] == again.headers["ETag"] != changed.headers["ETag"]
    assert first.headers["Last-Modified"] == changed.headers["Last-Modified"]


async def test_static_file_above_the_limit_is_sent_from_disk(
    client_of: ClientOf, tmp_path: Path, reads: Reads
) -> None:
    write(tmp_path / "ten", bytes(10))
    write(tmp_path / "eleven", bytes(11))
    cache = FileCacheSettings(max_file_size=10, check_interval=3600.0)
    site = Site(client_of, StaticFiles(tmp_path, cache=cache))

    for _ in range(2):
        assert (await site.get("ten")).content == bytes(10)
        large = await site.get("eleven")
        assert isinstance(large, FileResponse)
        assert (large.content, large.root) == (tmp_path / "eleven", tmp_path)

    assert reads.counts == {"ten": 1, "eleven": 1}


@pytest.mark.parametrize(
    "cache",
    [
        FileCacheSettings(max_size=30, max_file_size=10, check_interval=3600.0),
        FileCacheSettings(max_files=3, check_interval=3600.0),
    ],
    ids=["bytes", "files"],
)
async def test_static_copies_are_bounded_and_the_unused_one_is_dropped(
    client_of: ClientOf, tmp_path: Path, reads: Reads, cache: FileCacheSettings
) -> None:
    for name in "abcd":
        write(tmp_path / name, bytes(10))
    site = Site(client_of, StaticFiles(tmp_path, cache=cache))

    for name in "abcadacb":
        await site.get(name)

    assert reads.counts == {"a": 1, "b": 2, "c": 1, "d": 1}


async def test_static_requests_for_one_file_share_a_reading(
    client_of: ClientOf, tmp_path: Path, reads: Reads
) -> None:
    write(tmp_path / "a.txt")
    site = Site(client_of, StaticFiles(tmp_path, cache=CHECKING))
    await site.get("missing")  # boots the application

    found = await asyncio.gather(*(site.get("a.txt") for _ in range(50)))

    assert {response.content for response in found} == {CODE}
    assert reads.counts["a.txt"] < 50


async def test_static_reading_survives_the_cancellation_of_one_request(
    client_of: ClientOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "a.txt")
    files = StaticFiles(tmp_path)
    begun, may_end, read = threading.Event(), threading.Event(), FileReader.read

    def held(*arguments: Any) -> Any:
        begun.set()
        assert may_end.wait(20)
        return read(*arguments)

    monkeypatch.setattr(FileReader, "read", held)
    first, second = (
        asyncio.create_task(files.response(Request("HTTP"), "a.txt")) for _ in range(2)
    )
    assert await asyncio.to_thread(begun.wait, 20)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    may_end.set()

    assert (await second).content == CODE


async def test_static_error_of_the_disk_is_500_and_the_next_request_reads_again(
    client_of: ClientOf, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A missing root is an error of the server, as for a `FileResponse`."""
    write(tmp_path / "site" / "a.txt")
    site = Site(client_of, StaticFiles(tmp_path / "site", cache=CHECKING))
    assert (await site.get("a.txt")).status_code == 200

    (tmp_path / "site").rename(tmp_path / "away")
    assert (await site.get("a.txt")).status_code == 500
    assert "FileNotFoundError" in caplog.text
    (tmp_path / "away").rename(tmp_path / "site")
    assert (await site.get("a.txt")).status_code == 200


def test_static_files_are_sent_in_a_second_event_loop(tmp_path: Path) -> None:
    write(tmp_path / "a.txt")
    files = StaticFiles(tmp_path)

    for _ in range(2):
        assert asyncio.run(files.response(Request("HTTP"), "a.txt")).content == CODE


async def test_static_preload_reads_files_at_boot_in_the_codings_of_browsers(
    client_of: ClientOf, tmp_path: Path, reads: Reads
) -> None:
    write(tmp_path / "a.js")
    write(tmp_path / "b" / "c.css")
    write(tmp_path / ".env")
    write(tmp_path / "old.js~")
    os.symlink(tmp_path / "a.js", tmp_path / "link.js")
    cache = FileCacheSettings(check_interval=3600.0, preload=True)
    site = Site(client_of, StaticFiles(tmp_path, cache=cache))

    for path in ("a.js", "b/c.css"):
        browser = {"Accept-Encoding": "gzip, deflate, br, zstd"}
        assert (await site.get(path, browser)).headers["Content-Encoding"] == "br"
        assert (await site.get(path)).content == CODE

    assert reads.counts == {"a.js": 2, "b/c.css": 2}


async def test_static_preload_ends_at_the_limits(
    client_of: ClientOf, tmp_path: Path, reads: Reads
) -> None:
    for number in range(20):
        write(tmp_path / f"{number:02}.png")
    cache = FileCacheSettings(max_files=5, check_interval=3600.0, preload=True)
    site = Site(client_of, StaticFiles(tmp_path, cache=cache))

    assert (await site.get("00.png")).content == CODE
    assert len(reads.counts) == 5


# --- routes


async def test_static_messages_pass_through_the_kernel(
    client_of: ClientOf, tmp_path: Path
) -> None:
    """Rule 1 of bundles: a listener sees every message."""
    write(tmp_path / "a.txt")
    seen: list[tuple[str | None, Any]] = []

    @observe(KernelEvents.KERNEL_REQUEST)
    async def count(event: RequestEvent) -> None:
        seen.append((event.request.path, event.request.definition.options.get("access")))

    files = StaticFiles(tmp_path, path="/static/", options={"access": "public"})
    site = Site(client_of, files, listeners=[count], options=["access"])

    for path in ("a.txt", "a.txt", "missing", ""):
        await site.get(path)

    assert seen == [("/static/{path:path}", "public")] * 3 + [("/static", "public")]


async def test_static_response_listener_may_change_headers_of_one_response(
    client_of: ClientOf, tmp_path: Path
) -> None:
    write(tmp_path / "a.txt")
    site = Site(client_of, StaticFiles(tmp_path, cache=KEEPING))

    (await site.get("a.txt")).headers["X-Mine"] = "1"

    assert "X-Mine" not in (await site.get("a.txt")).headers


async def test_static_files_of_two_folders_and_more_specific_routes(
    client_of: ClientOf, tmp_path: Path
) -> None:
    write(tmp_path / "one" / "a.txt", b"one")
    write(tmp_path / "two" / "a.txt", b"two")

    class Api:
        @http("GET", "/api/status", "status")
        async def status(self, request: Request) -> str:
            return "fine"

    client = client_of(
        StaticFiles(tmp_path / "one"),
        StaticFiles(tmp_path / "two", path="/two", name="two"),
        Api,
    )

    assert (await client.http("static", params={"path": "a.txt"})).content == b"one"
    assert (await client.http("two", params={"path": "a.txt"})).content == b"two"
    assert (await client.http("status")).content == "fine"


async def test_static_files_without_index_leave_their_path_to_another_route(
    client_of: ClientOf, tmp_path: Path
) -> None:
    write(tmp_path / "a.txt", b"a")

    class Home:
        @http("GET", "/", "home")
        async def home(self, request: Request) -> str:
            return "home"

    client = client_of(Home, StaticFiles(tmp_path, index=None))

    assert (await client.http("home")).content == "home"
    assert (await client.http("static", params={"path": "a.txt"})).content == b"a"


async def test_static_files_are_added_by_a_reload_and_preloaded(
    tmp_path: Path, reads: Reads
) -> None:
    write(tmp_path / "a.txt")
    files = StaticFiles(tmp_path, cache=FileCacheSettings(preload=True))
    async with Application() as application:
        await application.reload(controllers=[files])

        assert "static" in application.kernel.http_definitions
        assert reads.counts == {"a.txt": 2}
        await application.reload()
        assert reads.counts == {"a.txt": 2}


async def test_static_files_of_a_bundle_with_its_own_routes(
    client_of: ClientOf, tmp_path: Path
) -> None:
    write(tmp_path / "page.html", b"page")
    files = StaticFiles(tmp_path)

    class Pages:
        @http("GET", "/{name}", "page")
        async def page(self, request: Request) -> Response:
            return await files.response(request, f"{request.params['name']}.html")

    class PagesBundle(Bundle):
        name = "pages"
        controllers = (Pages, StaticFiles(tmp_path, path="/assets"))

        @observe(ApplicationEvents.BOOTSTRAP)
        async def check(self, event: BootstrapEvent) -> None:
            files.check()

    client = client_of(bundles=[PagesBundle])

    assert (await client.http("page", params={"name": "page"})).content == b"page"
    assert (await client.http("page", params={"name": ".page"})).status_code == 404
    assert (await client.http("static", params={"path": "page.html"})).content == b"page"


async def test_static_folder_of_a_route_that_ignores_the_slash_is_not_redirected_twice(
    tmp_path: Path,
) -> None:
    """A route ``/{name}`` handles ``/a/`` too."""
    write(tmp_path / "a" / "index.html", b"index")
    files, request = StaticFiles(tmp_path), Request("HTTP", url="/a/?x=1")

    assert (await files.response(request, "a")).content == b"index"
    request.url = "/a?x=1"
    assert (await files.response(request, "a")).headers["Location"] == "./a/?x=1"


@pytest.mark.parametrize("path", ["../secret", "/etc/passwd", ".env", "a\\b", "a\0b", "//"])
async def test_static_response_of_an_unsafe_path_is_404(tmp_path: Path, path: str) -> None:
    with pytest.raises(NotFoundException):
        await StaticFiles(tmp_path, listing=True).response(Request("HTTP"), path)


# --- boot


async def test_static_files_report_every_problem_at_boot(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    wrong = StaticFiles(
        tmp_path / "missing",
        index="a/b.html",
        max_age=-1,
        immutable="assets/*",
        cache=FileCacheSettings(
            max_file_size=-1,
            max_size=1.5,  # type: ignore[arg-type]
            max_files=-2,
            check_interval=-0.5,
        ),
    )
    others = [
        StaticFiles(tmp_path / "file", path="/file", name="file"),
        StaticFiles(tmp_path, path="no-slash", name="no slash"),
        StaticFiles(tmp_path, path="/f", name="f", fallback="missing.html"),
        StaticFiles(tmp_path, path="/g", name="g", fallback=".hidden"),
        StaticFiles(7, path="/h", name="h"),  # type: ignore[arg-type]
        StaticFiles("a\0b", path="/i", name="i"),
        StaticFiles(
            tmp_path, path="/j", name="j", cache=FileCacheSettings(max_file_size=11, max_size=10)
        ),
    ]

    with pytest.raises(ConfigurationError) as raised:
        await Application(controllers=[wrong, *others]).boot()

    text = "\n".join(raised.value.problems)
    for expected in (
        "missing'): the folder does not exist",
        "index is 'a/b.html'",
        "max_age is -1",
        "immutable is 'assets/*'",
        "max_file_size is -1",
        "max_size is 1.5",
        "max_files is -2",
        "check_interval is -0.5",
        "file'): it is not a folder",
        "no-slash",
        "fallback is 'missing.html'",
        "fallback is '.hidden'",
        "root is 7",
        "the path is invalid",
        "max_file_size is 11 bytes, but max_size is only 10",
    ):
        assert expected in text, expected


def test_static_files_of_a_package_are_accepted() -> None:
    StaticFiles(resources.files("rxkernel.cli") / "template").check()


def test_static_files_of_a_zip_file_are_rejected(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("static/a.txt", "a")

    with pytest.raises(ConfigurationError, match=r"use importlib\.resources\.as_file"):
        StaticFiles(zipfile.Path(tmp_path / "a.zip", "static/")).check()


async def test_static_files_with_the_same_name_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="'static'"):
        await Application(
            controllers=[StaticFiles(tmp_path), StaticFiles(tmp_path, path="/x")]
        ).boot()
