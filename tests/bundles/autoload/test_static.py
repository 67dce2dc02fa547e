"""The place ``static``, over HTTP."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import ClientSession
from yarl import URL

from bundles.autoload import AutoloadBundle, create_application
from bundles.contracts import ContractsBundle
from rxkernel import Application, HttpSettings, KernelClient, Settings, http
from tests.bundles.autoload.conftest import Folder

PAGE = {"Accept": "text/html"}


FILES = {
    "api/items/add.py": "access = 'public'\nasync def method() -> str:\n    return 'added'\n",
    "static/index.html": "<h1>home</h1>",
    "static/.404.html": "<h1>lost</h1>",
    "static/app.js": "run()",
    "static/docs/index.html": "<h1>docs</h1>",
    "static/article/.virtual.html": "<h1>article</h1>",
    "static/article/file.html": "<h1>file</h1>",
    "static/article/deep/.404.html": "<h1>lost in deep</h1>",
}


@asynccontextmanager
async def served(folder: Folder, *controllers: type) -> AsyncIterator[ClientSession]:
    folder.write(FILES)
    application = Application(
        bundles=[ContractsBundle, AutoloadBundle(folder.root)],
        controllers=controllers,
        settings=Settings(http=HttpSettings(port=0)),
    )
    await application.start()
    try:
        async with ClientSession(application.servers["http"].url) as session:
            yield session
    finally:
        await application.stop()


@pytest.fixture
async def session(folder: Folder) -> AsyncIterator[ClientSession]:
    async with served(folder) as session:
        yield session


async def test_static_folder_that_is_moved_away_is_404_until_it_is_back(
    session: ClientSession, folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    away = folder.root.with_name("away")
    folder.root.rename(away)

    async with session.get("/app.js", headers=PAGE) as response:
        assert response.status == 404
    assert f"responded with 404 for 'app.js': {folder.root}/static does not exist" in caplog.text

    away.rename(folder.root)
    async with session.get("/app.js") as response:
        assert response.status == 200


# T66
@pytest.mark.parametrize(
    ("path", "status", "text"),
    [
        ("/", 200, "<h1>home</h1>"),
        ("/docs/", 200, "<h1>docs</h1>"),
        ("/docs", 200, "<h1>docs</h1>"),
        ("/app.js", 200, "run()"),
        ("/article/file.html", 200, "<h1>file</h1>"),
        ("/article/any", 200, "<h1>article</h1>"),
        ("/article", 200, "<h1>article</h1>"),
        ("/article/a/b/c", 200, "<h1>article</h1>"),
        ("/article/deep/x", 200, "<h1>article</h1>"),
        ("/nowhere", 404, "<h1>lost</h1>"),
        ("/docs/nowhere.html", 404, "<h1>lost</h1>"),
        ("/a/%2e%2e/b", 404, "<h1>lost</h1>"),
        ("/article/%2e%2e/b", 200, "<h1>article</h1>"),
        ("/article/a%00b/c", 400, None),
        (f"/{'long' * 100}/x", 404, "<h1>lost</h1>"),
        (f"/article{'/a' * 4000}", 200, "<h1>article</h1>"),
    ],
)
async def test_static_page_of_the_nearest_folder_is_sent_for_missing_files(
    session: ClientSession, path: str, status: int, text: str | None
) -> None:
    """A file precedes a virtual page, and a virtual page precedes an error page."""
    async with session.get(URL(path, encoded=True), headers=PAGE) as response:
        assert response.status == status
        assert text in (None, await response.text())


async def test_static_missing_file_of_another_type_is_plain_404(session: ClientSession) -> None:
    for path, headers in (("/article/old.js", PAGE), ("/article/x", {"Accept": "*/*"})):
        async with session.get(path, headers=headers) as response:
            assert response.status == 404
            assert response.content_type == "application/json"


# T65
@pytest.mark.parametrize("path", ["/.404.html", "/article/.virtual.html", "/../api/items"])
async def test_static_page_itself_and_path_out_of_folder_are_404(
    session: ClientSession, path: str
) -> None:
    """A sibling of the folder is not served."""
    async with session.get(path) as response:
        assert response.status == 404


# T63, T64
async def test_static_file_is_sent_with_ranges_and_conditions(session: ClientSession) -> None:
    async with session.get("/app.js", headers={"Range": "bytes=-2"}) as response:
        assert (response.status, await response.text()) == (206, "()")
        tag = response.headers["ETag"]
    async with session.get("/app.js", headers={"If-None-Match": tag}) as response:
        assert response.status == 304


async def test_static_error_page_with_condition_or_range_is_whole(session: ClientSession) -> None:
    """RFC 9110 §13.2.1, §14.2: both apply only to a response that would be 200."""
    async with session.get("/nowhere", headers=PAGE) as response:
        tag = response.headers.get("ETag", "*")
    for headers in ({"If-None-Match": tag}, {"Range": "bytes=0-1"}):
        async with session.get("/nowhere", headers={**PAGE, **headers}) as response:
            assert (response.status, await response.text()) == (404, "<h1>lost</h1>")


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("GET", "/api/items/add", 405, "OPTIONS, POST"),
        ("POST", "/api/items/add", 200, None),
        ("GET", "/api/items/nothing", 404, None),
        ("POST", "/api/items/nothing", 404, None),
        ("GET", "/api", 404, None),
        ("POST", "/app.js", 405, "GET, HEAD, OPTIONS"),
    ],
)
async def test_static_paths_of_api_have_the_errors_of_the_api(
    session: ClientSession, method: str, path: str, status: int, allow: str | None
) -> None:
    async with session.request(method, path, headers=PAGE) as response:
        assert (response.status, response.headers.get("Allow")) == (status, allow)
        assert response.content_type == ("text/plain" if status == 200 else "application/json")


class Reports:
    @http("GET", "/api/reports/{id}", "report_show")
    async def show(self, id: str) -> str:
        return id

    @http("GET", "/api/health", "api_health")
    async def health(self) -> str:
        return "ok"


@pytest.mark.parametrize("path", ["/api/reports/1", "/api/reports/a%20b?x=1", "/api/health/"])
async def test_static_other_method_of_a_route_below_api_for_get_is_405(
    folder: Folder, path: str
) -> None:
    """A controller of the application may have routes below /api, too."""
    async with served(folder, Reports) as session:
        async with session.put(URL(path, encoded=True)) as response:
            assert response.status == 405
            assert response.headers["Allow"] == "GET, HEAD, OPTIONS"
        async with session.put("/api/report/1") as response:
            assert response.status == 404


async def test_static_page_that_links_out_of_the_folder_is_not_sent(
    session: ClientSession, folder: Folder, tmp_path: Path
) -> None:
    (tmp_path / "secret.html").write_text("secret")
    (folder.root / "static/article/.virtual.html").unlink()
    (folder.root / "static/article/.virtual.html").symlink_to(tmp_path / "secret.html")

    async with session.get("/article/any", headers=PAGE) as response:
        assert (response.status, await response.text()) == (404, "<h1>lost</h1>")


async def test_static_with_security_needs_no_access_rule(folder: Folder) -> None:
    folder.write({"static/index.html": "<h1>home</h1>", "api/items/__init__.py": ""})

    async with KernelClient(create_application(folder.root)) as client:
        response = await client.http("autoload_static", params={"path": "index.html"})

    assert response.status_code == 200
