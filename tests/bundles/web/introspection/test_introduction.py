"""The page with the handlers of a directory: ``access.intro``."""

from tests.bundles.web.conftest import Site

FILES = {
    "app/get.py": "async def get(client): return 'root'",
    "app/users/access.py": "intro = True\n",
    "app/users/post.py": """
        meta = {
            "description": "Adds a user <script>alert(1)</script>",
            "parameters": {"name": "string", "age": "[number]"},
            "result": {"id": "number"},
        }
        timeout = 5

        async def post(client):
            return 1
        """,
    "app/users/put.py": """
        parameters = {"name": "string", "tags": {"array": "string"}}
        description = "Replaces a user"
        deprecated = "use PATCH"

        async def put(client):
            return 1
        """,
    "app/users/deep/a.txt": "a",
    "app/users/own/get.py": "async def get(client): return 'own page'",
    "app/users/own/access.py": "index = True\n",
    "app/plain/post.py": "async def post(client): return 1",
    "app/users/both/access.py": "index = True\n",
    "app/users/both/delete.py": "async def delete(client): return 1",
    "app/closed/access.py": "intro = True\ngroups = ['admin']\n",
    "app/closed/post.py": "async def post(client): return 1",
    "app/users/none.json/access.py": "",
    "app/users/rules/access.py": "guests = True\n",
}


async def page_of(site: Site, path: str = "/users/") -> str:
    async with site.served(FILES) as session, session.get(path) as response:
        assert response.status == 200
        assert response.headers["Content-Type"] == "text/html; charset=utf-8"
        return await response.text()


async def test_introduction_lists_verbs_with_meta(site: Site) -> None:
    page = await page_of(site)

    for text in (
        "<h2>POST /users</h2>",
        "<h2>PUT /users</h2>",
        "Replaces a user",
        "&#x27;name&#x27;: &#x27;string&#x27;",
        "use PATCH",
        "<dt>timeout</dt><dd><pre>5</pre></dd>",
    ):
        assert text in page, page
    assert "&#x27;age&#x27;: {&#x27;type&#x27;: &#x27;number&#x27;}" in page
    assert "&#x27;id&#x27;: &#x27;number&#x27;" in page
    assert str(site.root) not in page


async def test_introduction_is_escaped_and_may_load_nothing(site: Site) -> None:
    async with site.served(FILES) as session, session.get("/users/") as response:
        page = await response.text()
        policy = response.headers["Content-Security-Policy"]

    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert policy.startswith("default-src 'none';")


async def test_introduction_shows_inherited_handlers(site: Site) -> None:
    assert "<h2>GET /users <small>inherited</small></h2>" in await page_of(site)


async def test_introduction_without_slash_redirects(site: Site) -> None:
    async with site.served(FILES) as session:
        response = await session.get("/users", allow_redirects=False)
    assert (response.status, response.headers["Location"]) == (302, "./users/")


async def test_introduction_is_not_shown_if_the_directory_has_a_page(site: Site) -> None:
    assert await page_of(site, "/users/own/") == "own page"


async def test_introduction_precedes_list_of_files(site: Site) -> None:
    assert "<h2>DELETE /users/both</h2>" in await page_of(site, "/users/both/")


async def test_introduction_is_not_shown_without_intro(site: Site) -> None:
    assert await page_of(site, "/plain/") == "root"


async def test_introduction_of_folder_without_handlers_is_404(site: Site) -> None:
    """It has no handler files, so it is a folder of static files."""
    async with site.served(FILES) as session, session.get("/users/deep/") as response:
        assert response.status == 404


async def test_introduction_of_directory_with_only_access_file_lists_no_inherited_handlers(
    site: Site,
) -> None:
    page = await page_of(site, "/users/rules/")

    assert "The directory has no handlers" in page
    assert "GET" not in page


async def test_introduction_of_closed_directory_needs_its_access(site: Site) -> None:
    async with site.served(FILES) as session:
        for path in ("/closed/", "/closed"):
            async with session.get(path) as response:
                assert response.status == 401
