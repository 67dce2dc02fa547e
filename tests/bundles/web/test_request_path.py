"""The directory whose error handler responds, by the path of the request."""

import pytest

from bundles.web.request_path import path_of
from rxkernel import Request
from tests.bundles.web.conftest import Site


@pytest.mark.parametrize(
    ("url", "prefix", "path"),
    [
        ("/a/b?c=/d", "", "/a/b"),
        ("/m%C3%BCll%20dir/x", "", "/müll dir/x"),
        ("/api/a", "/api", "/a"),
        ("/api", "/api", ""),
        ("/apis/a", "/api", "/apis/a"),
        ("/%61pi/a", "/api", "/a"),
    ],
    ids=range(6),
)
def test_path_of_request_is_decoded_and_has_no_prefix(url: str, prefix: str, path: str) -> None:
    assert path_of(Request("HTTP", url=url), prefix) == path


async def test_error_of_path_with_encoded_letters_has_the_handler_of_its_directory(
    site: Site,
) -> None:
    files = {
        "app/get.py": "async def get(client): return 'root'",
        "app/error.py": "async def error(client): return 'root'",
        "app/müll dir/error.py": "async def error(client): return 'own'",
        "app/sub/error.template": "template of sub",
        "app/sub/error.py": "async def error(client): ...",
        "app/sub/get.py": "async def get(client): return 'sub'",
    }
    async with site.served(files) as session:
        for method in ("GET", "POST"):
            async with session.request(method, "/m%C3%BCll%20dir/x") as response:
                assert await response.text() == "own"
        async with session.get("/s%75b/none", headers={"Accept": "text/html"}) as response:
            assert await response.text() == "template of sub"
