"""A site over a real server."""

from tests.bundles.web.conftest import Site

FILES = {
    "app/get.py": "async def get(client): return 'root'",
    "app/a/get.py": "async def get(client): return client.parameters.get('q', 'none')",
    "app/a/logo.svg": "<svg/>",
    "app/secret.py": "",
}


async def test_site_over_http(site: Site) -> None:
    files = {key: text for key, text in FILES.items() if key != "app/secret.py"}
    async with site.served(files) as session:
        async with session.get("/a?q=%C3%A4", allow_redirects=False) as response:
            assert response.status == 302
            assert response.headers["Location"] == "./a/?q=%C3%A4"
        async with session.get("/a?q=%C3%A4") as response:
            assert await response.text() == "ä"
        async with session.get("/a/logo.svg") as response:
            assert (response.status, await response.text()) == (200, "<svg/>")
        async with session.get("/a/get.py") as response:
            assert response.status == 404
        async with session.post("/a/") as response:
            assert response.status == 405
            assert response.headers["Allow"] == "GET, HEAD, OPTIONS"
