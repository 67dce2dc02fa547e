"""The static files of the tree, over a real server."""

import asyncio
import os
from collections.abc import AsyncIterator
from email.utils import formatdate

import aiohttp
import pytest

from tests.bundles.web.conftest import Site

SIZE = 54_001
FILES: dict[str, str | bytes] = {
    "app/get.py": "async def get(client): return 'root'",
    "app/data.bin": bytes(i % 251 for i in range(SIZE)),
    "app/one.txt": "one",
    "app/a b/ü.txt": "umlaut",
    "app/css/site.css": "body {}",
    "app/docs/index.html": "<h1>docs</h1>",
    "app/article/.virtual.html": "<h1>article</h1>",
    "app/article/file.html": "<h1>file</h1>",
    "app/article/deep/.404.html": "<h1>lost in deep</h1>",
    "app/.404.html": "<h1>lost</h1>",
    "app/.401.html": "<h1>who are you</h1>",
    "app/.405.html": "<h1>not so</h1>",
    "app/closed/access.py": "guests = False\n",
    "app/closed/.401.html": "<h1>closed</h1>",
    "app/closed/file.txt": "closed",
    "app/listed/access.py": "index = True\n",
    "app/listed/b.txt": "b",
    "app/listed/<i>.txt": "i",
    "app/listed/_get.py": "",
    "app/listed/menu.jinja": "jinja",
    "app/listed/__pycache__/get.cpython-311.pyc": b"code",
    "app/listed/.hidden": "hidden",
    "app/listed/sub/c.txt": "c",
    "app/closed/sub/access.py": "index = True\n",
    "app/posted/access.py": "intro = False\n",
    "app/users.json/get.py": "async def get(client): return [1]",
    "static_private/secret.txt": "secret",
}

PAGE = {"Accept": "text/html,*/*"}


@pytest.fixture
async def session(site: Site) -> AsyncIterator[aiohttp.ClientSession]:
    async with site.served(FILES) as session:
        yield session


RANGES = [
    ("bytes=0-9", 206, f"bytes 0-9/{SIZE}", 10),
    ("bytes=54000-", 206, f"bytes 54000-54000/{SIZE}", 1),
    ("bytes=0-0", 206, f"bytes 0-0/{SIZE}", 1),
    ("bytes=-5", 206, f"bytes 53996-54000/{SIZE}", 5),
    ("bytes=54001-", 416, f"bytes */{SIZE}", None),
    ("bytes=99999-", 416, f"bytes */{SIZE}", None),
]


# T63
@pytest.mark.parametrize(("sent", "status", "range", "length"), RANGES)
async def test_range_of_a_file_and_of_a_cached_file_has_its_content_range(
    session: aiohttp.ClientSession, sent: str, status: int, range: str, length: int | None
) -> None:
    for _ in "first", "cached":
        async with session.get("/data.bin", headers={"Range": sent}) as response:
            assert response.status == status
            assert response.headers["Content-Range"] == range
            body = await response.read()
            if length is not None:
                assert len(body) == length
                assert response.headers["Content-Type"] == "application/octet-stream"
        async with session.get("/data.bin") as response:
            assert response.headers["Accept-Ranges"] == "bytes"
            await response.read()


# G2
@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ("bytes=" + ",".join(f"{i}-{i}" for i in range(1000)), {200, 206, 416}),
        ("bytes=0-,0-,0-,0-", {200, 206, 416}),
        ("bytes=9-1", {200, 416}),
        ("bytes=-0", {416}),
        ("lines=1-2", {200}),
        ("bytes=x", {200, 416}),
    ],
    ids=range(6),
)
async def test_hostile_range_sends_no_more_than_the_file(
    session: aiohttp.ClientSession, sent: str, status: set[int]
) -> None:
    async with session.get("/data.bin", headers={"Range": sent}) as response:
        assert response.status in status
        assert len(await response.read()) <= SIZE


# T64
@pytest.mark.parametrize("header", ["If-Modified-Since", "If-None-Match"])
async def test_unchanged_file_is_304_without_body(
    session: aiohttp.ClientSession, site: Site, header: str
) -> None:
    os.utime(site.root / "app/one.txt", (1_000_000_000, 1_000_000_000))  # long ago: settled
    async with session.get("/one.txt") as response:
        tag, modified = response.headers["ETag"], response.headers["Last-Modified"]
    assert modified == formatdate(1_000_000_000, usegmt=True)

    value = modified if header == "If-Modified-Since" else tag
    async with session.get("/one.txt", headers={header: value}) as response:
        assert response.status == 304
        assert await response.read() == b""


async def raw(session: aiohttp.ClientSession, path: str) -> tuple[int, bytes]:
    """Request *path* unchanged: a client of HTTP would clean it."""
    async with session.get("/one.txt") as response:
        url = response.url
    reader, writer = await asyncio.open_connection(url.host, url.port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode("latin-1"))
    answer = await reader.read()
    writer.close()
    return int(answer.split()[1]), answer


# T65, G1
@pytest.mark.parametrize(
    "path",
    [
        "/../static_private/secret.txt",
        "/css/../../static_private/secret.txt",
        "/%2e%2e/static_private/secret.txt",
        "/..%2fstatic_private/secret.txt",
        "/..%5cstatic_private%5csecret.txt",
        "//etc/passwd",
        "/%00one.txt",
        "/one.txt%00.html",
        "/C:/one.txt",
        "/link.txt",
        "/linked/passwd",
    ],
    ids=range(11),
)
async def test_path_out_of_the_tree_is_404(
    session: aiohttp.ClientSession, site: Site, path: str
) -> None:
    (site.root / "app/link.txt").symlink_to("/etc/passwd")
    (site.root / "app/linked").symlink_to("/etc")

    status, answer = await raw(session, path)

    assert status in (400, 404)
    assert b"secret" not in answer.partition(b"\r\n\r\n")[2]
    assert b"root:" not in answer


# G3
@pytest.mark.parametrize(
    "path",
    [
        "/get.py",
        "/GET.PY",
        "/users.json/get.py",
        "/closed/access.py",
        "/listed/_get.py",
        "/listed/menu.jinja",
        "/listed/__pycache__/get.cpython-311.pyc",
        "/listed/__pycache__/",
        "/listed/.hidden",
        "/.404.html",
        "/article/.virtual.html",
        "/.git/config",
        "/.env",
        "/one.txt~",
        "/one.txt.bak",
        "/get.py.gz",
        "/html.template",
    ],
    ids=range(17),
)
async def test_code_templates_and_hidden_files_are_404(
    session: aiohttp.ClientSession, site: Site, path: str
) -> None:
    site.write(
        {
            f"app/{key}": "secret"
            for key in ("GET.PY", ".env", "one.txt~", "one.txt.bak", "get.py.gz", "html.template")
        }
        | {"app/.git/config": "secret"}
    )

    status, answer = await raw(session, path)

    assert status in (401, 404)
    assert b"secret" not in answer
    assert b"async def" not in answer


# T66
@pytest.mark.parametrize(
    ("path", "status", "text"),
    [
        ("/", 200, "root"),
        ("/one.txt", 200, "one"),
        ("/a%20b/%C3%BC.txt", 200, "umlaut"),
        ("/docs/", 200, "<h1>docs</h1>"),
        ("/docs", 200, "<h1>docs</h1>"),
        ("/article/file.html", 200, "<h1>file</h1>"),
        ("/article/any", 200, "<h1>article</h1>"),
        ("/article/a/b/c", 200, "<h1>article</h1>"),
        ("/nowhere", 404, "<h1>lost</h1>"),
        ("/docs/nowhere.html", 404, "<h1>lost</h1>"),
        ("/css/", 404, "<h1>lost</h1>"),
        ("/closed/file.txt", 401, "<h1>closed</h1>"),
        ("/closed/nowhere", 401, "<h1>closed</h1>"),
        ("/closed/sub/", 401, "<h1>closed</h1>"),
    ],
    ids=range(14),
)
async def test_page_of_the_nearest_directory_is_sent_unless_a_file_exists(
    session: aiohttp.ClientSession, path: str, status: int, text: str
) -> None:
    async with session.get(path, headers=PAGE) as response:
        assert (response.status, await response.text()) == (status, text)
        if status == 401:
            assert "WWW-Authenticate" in response.headers


@pytest.mark.parametrize("path", ["/nowhere", "/article/any", "/closed/file.txt"])
async def test_page_of_error_is_for_browsers_only(
    session: aiohttp.ClientSession, path: str
) -> None:
    async with session.get(path, headers={"Accept": "application/json"}) as response:
        assert response.status in (401, 404)
        assert (await response.json())["statusCode"] == response.status


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_file_with_other_method_is_405(session: aiohttp.ClientSession, method: str) -> None:
    async with session.request(method, "/one.txt", headers=PAGE) as response:
        assert response.status == 405
        assert response.headers["Allow"] == "GET, HEAD, OPTIONS"
        assert await response.text() == "<h1>not so</h1>"


async def test_get_of_directory_with_other_verbs_only_is_405(site: Site) -> None:
    files = {"app/form/post.py": "async def post(client): ...", "app/.404.html": "lost"}
    async with site.served(files) as session:
        for headers in ({}, PAGE):
            async with session.get("/form", headers=headers) as response:
                assert response.status == 405
                assert response.headers["Allow"] == "OPTIONS, POST"


async def test_head_of_file_has_no_body(session: aiohttp.ClientSession) -> None:
    async with session.head("/data.bin") as response:
        assert response.status == 200
        assert response.headers["Content-Length"] == str(SIZE)


# --- lists of files


async def test_list_has_public_files_only_as_json(session: aiohttp.ClientSession) -> None:
    async with session.get("/listed/", headers={"Accept": "application/json"}) as response:
        found = await response.json()

    names = [(entry["name"], entry["type"]) for entry in found["entries"]]
    assert names == [("sub", "folder"), ("<i>.txt", "file"), ("b.txt", "file")]


async def test_list_as_page_is_escaped_and_folder_redirects(
    session: aiohttp.ClientSession,
) -> None:
    async with session.get("/listed", headers=PAGE) as response:
        assert response.url.path == "/listed/"
        text = await response.text()

    assert "&lt;i&gt;.txt" in text
    assert "<i>" not in text


async def test_list_is_inherited_by_folders_below(session: aiohttp.ClientSession) -> None:
    async with session.get("/listed/sub/") as response:
        assert [entry["name"] for entry in (await response.json())["entries"]] == ["c.txt"]


async def test_list_of_missing_folder_is_404(session: aiohttp.ClientSession) -> None:
    async with session.get("/listed/none/") as response:
        assert response.status == 404


async def test_list_is_not_shown_without_index(session: aiohttp.ClientSession) -> None:
    async with session.get("/css/") as response:
        assert response.status == 404


# --- boot


async def test_folder_static_beside_app_is_refused(site: Site) -> None:
    error = await site.problems({"app/get.py": "async def get(client): ...", "static/a.txt": "a"})

    assert "would both be served at /; move the files of" in error


async def test_folder_api_of_the_tree_has_files_unless_autoload_has_one(site: Site) -> None:
    files = {"app/api/a.txt": "a"}
    async with site.served(files) as session, session.get("/api/a.txt") as response:
        assert (response.status, await response.text()) == (200, "a")


async def test_path_of_autoload_api_is_not_a_file(site: Site) -> None:
    files = {
        "app/api/a.txt": "a",
        "app/.404.html": "lost",
        "app/.virtual.html": "page",
        "api/items/add.py": "access = 'public'\nasync def method() -> str:\n    return 'added'\n",
    }
    async with site.served(files) as session, session.get("/api/a.txt") as response:
        assert response.status == 404


async def test_existing_file_of_closed_directory_is_not_revealed_by_other_methods(
    session: aiohttp.ClientSession,
) -> None:
    """Such a method has no route and no rule, so the error is the same."""
    for path in ("/closed/file.txt", "/closed/none.txt"):
        async with session.post(path) as response:
            assert response.status == 405


async def test_error_handler_precedes_page(site: Site) -> None:
    files = {
        "app/.404.html": "page",
        "app/a/error.py": "async def error(client): return f'handled {client.exception}'",
        "app/b/get.py": "async def get(client): client.error(404)",
        "app/b.json/get.py": "async def get(client): client.error(404)",
        "app/c/get.py": "async def get(client): raise KeyError",
        "app/.500.html": "sorry",
    }
    async with site.served(files) as session:
        for path, status, text in [
            ("/a/none", 404, "handled Not Found"),
            ("/none", 404, "page"),
            ("/b/", 404, "page"),
            ("/b.json", 404, '{"statusCode":404,"message":"Not Found"}'),
            ("/c/", 500, "sorry"),
        ]:
            async with session.get(path, headers=PAGE) as response:
                assert (response.status, await response.text()) == (status, text), path


async def test_index_of_folder_precedes_virtual_handler(site: Site) -> None:
    files = {
        "app/a/access.py": "virtual = True\nindex = True\n",
        "app/a/get.py": "async def get(client): return f'virtual {client.path}'",
        "app/a/with/index.html": "index",
        "app/a/without/b.txt": "b",
        "app/a/c.txt": "c",
    }
    async with site.served(files) as session:
        for path, text in [
            ("/a/with/", "index"),
            ("/a/with", "index"),
            ("/a/without/", "virtual without/"),
            ("/a/without/b.txt", "b"),
            ("/a/c.txt", "c"),
            ("/a/get.py", "virtual get.py"),
        ]:
            async with session.get(path) as response:
                assert (response.status, await response.text()) == (200, text), path
        async with session.get("/a/without/b.txt", headers={"Range": "bytes=9-"}) as response:
            assert response.status == 416


async def test_reload_shows_new_list_and_introduction(site: Site) -> None:
    client = await site.start(
        {"app/a/access.py": "index = True\n", "app/a/x.txt": "x", "app/b.txt": "b"}
    )

    async def status() -> tuple[int, str]:
        response = await client.http("web_files", params={"path": "a/"})
        return response.status_code, response.headers.get("Content-Type", "")

    assert await status() == (200, "application/json")
    await site.change({"app/a/access.py": "intro = True\n"})
    assert await status() == (200, "text/html; charset=utf-8")
    await site.change({"app/a/access.py": "intro = False\n"})
    assert (await status())[0] == 404


@pytest.mark.parametrize("query", ["", "?a=1&b"])
async def test_folder_with_its_own_virtual_page_is_redirected_to_the_slash(
    session: aiohttp.ClientSession, query: str
) -> None:
    browser = {"Accept": "text/html"}
    async with session.get(f"/article{query}", headers=browser, allow_redirects=False) as response:
        assert (response.status, response.headers["Location"]) == (302, f"./article/{query}")
    async with session.get(f"/article{query}", headers=browser) as response:
        assert (response.status, await response.text()) == (200, "<h1>article</h1>")
    async with session.get("/article", headers={"Accept": "image/png"}) as response:
        assert response.status == 404
