"""A site over a real server."""

from tests.bundles.web.conftest import Site

FILES = {
    "app/get.py": "async def get(client): return 'root'",
    "app/a/get.py": "async def get(client): return client.parameters.get('q', 'none')",
    "app/a/logo.svg": "<svg/>",
    "app/secret.py": "",
}


async def test_site_over_http_serves_pages_files_and_redirects(site: Site) -> None:
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


async def test_pages_are_redirected_to_their_slash_and_others_are_not(site: Site) -> None:
    files = {
        "app/v1.0/get.py": "async def get(client): return 'page'",
        "app/a.html/get.py": "async def get(client): return 'html'",
        "app/a.json/get.py": "async def get(client): return 'json'",
        "app/a/post.py": "async def post(client): return 'post'",
    }
    async with site.served(files) as session:

        async def status(method: str, path: str) -> int:
            async with session.request(method, path, allow_redirects=False) as response:
                return response.status

        assert await status("GET", "/v1.0") == 302
        assert await status("HEAD", "/v1.0") == 302
        assert await status("GET", "/v1.0/?a=b/") == 200
        assert await status("GET", "/v1.0?a=/") == 302
        assert await status("GET", "/a.html") == 200
        assert await status("GET", "/a.json") == 200
        assert await status("POST", "/a") == 200


async def test_page_of_the_root_behind_a_prefix_is_redirected_to_its_slash(site: Site) -> None:
    files = {"app/get.py": "async def get(client): return 'root'"}
    async with site.served(files, options={"http.prefix": "/site"}) as session:
        async with session.get("/site", allow_redirects=False) as response:
            assert (response.status, response.headers["Location"]) == (302, "./site/")
        async with session.get("/site/") as response:
            assert await response.text() == "root"
