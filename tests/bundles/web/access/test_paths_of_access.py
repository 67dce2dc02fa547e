"""Paths that a client writes to pass the rule of a directory."""

import asyncio

import pytest
from aiohttp import ClientSession

from tests.bundles.web.access.access_files import tree_of
from tests.bundles.web.conftest import Site

DOCS = {
    "app/docs/access.py": "virtual = True\nguests = False\n",
    "app/docs/get.py": "async def get(client): return 'docs'",
    "app/docs/post.py": "async def post(client): return 'docs'",
    "app/docs/.virtual.html": "docs",
    "app/docs/free/access.py": "guests = True\n",
    "app/docs/free/a.txt": "free",
}


async def _status(session: ClientSession, method: str, target: str) -> int:
    """Return the status of *target*, which is sent unchanged. An HTTP client would resolve
    ``..``."""
    url = session._base_url
    assert url is not None
    reader, writer = await asyncio.open_connection(url.host, url.port)
    head = f"{method} {target} HTTP/1.1\r\nHost: {url.authority}\r\nContent-Length: 0\r\n"
    writer.write(f"{head}Connection: close\r\n\r\n".encode())
    text = await reader.read()
    writer.close()
    return int(text.split()[1])


@pytest.mark.parametrize("root", ["", "index = False\n", "virtual = True\n"], ids=range(3))
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_dots_in_virtual_path_do_not_pass_the_rule(
    site: Site, root: str, method: str
) -> None:
    files = {
        **DOCS,
        "app/get.py": "async def get(client): return 'root'",
        "app/post.py": "async def post(client): return 'root'",
        **({"app/access.py": root} if root else {}),
    }
    async with site.served(files) as session:
        assert await _status(session, method, "/docs/x") == 401
        for path in (
            "..%2fx",
            "../x",
            "%2e%2e/x",
            "..",
            ".%2ffree",
            "free/../x",
            "free%2f..%2fx",
            "free/../../x",
            "..%2fdocs%2ffree",
        ):
            assert await _status(session, method, f"/docs/{path}") in (401, 404), path


async def test_dots_do_not_pass_the_rule_of_a_page_for_missing_files(site: Site) -> None:
    files = {
        "app/sec/access.py": "guests = False\n",
        "app/sec/.virtual.html": "secret",
        "app/sec/a.txt": "secret",
        "app/sec/.404.html": "secret",
        "app/get.py": "async def get(client): return 'root'",
    }
    async with site.served(files) as session:
        for path in ("..%2fpw/", "..", "..%2fa.txt", "%2e/a.txt", "/."):
            assert await _status(session, "GET", f"/sec/{path}") == 401, path
        assert await _status(session, "GET", "/..%2fsec/a.txt") == 404


def test_path_with_several_slashes_has_the_access_of_its_names() -> None:
    tree = tree_of({"": "", "a/b": "guests = False\n"})

    for path in ("a//b", "//a/b/c", "/a/b", "a/b//"):
        assert not tree.of_path(path).guests, path
    assert tree.of_path("a//c").guests


class Slashes(str):
    """A path that counts how often it is read from its beginning."""

    slices = 0

    def __getitem__(self, key: object) -> str:
        Slashes.slices += 1
        return super().__getitem__(key)  # type: ignore[index]


def test_long_path_is_read_only_as_deep_as_the_access_files() -> None:
    tree = tree_of({"a": "guests = False\n", "a/b/c": "guests = True\n"})
    Slashes.slices = 0

    assert tree.of_path(Slashes("a/b/c/" + "d/" * 4000)).guests
    assert Slashes.slices < 10


async def test_nearest_directory_of_a_path_of_many_names_is_found(site: Site) -> None:
    await site.start({"app/a/b/get.py": "async def get(client): return 1"})

    assert site.tree.nearest("/a/b" + "/x" * 4000).path == "/a/b"
    assert site.tree.nearest("/a/b/").path == "/a/b"
    assert site.tree.nearest("/a").path == "/a"
    assert site.tree.nearest("/" + "x/" * 4000).path == ""
