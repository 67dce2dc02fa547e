"""Static files and the page of a single-page application: checks 38 and 39 of IOServer."""

from pathlib import Path
from typing import Any

import pytest

from bundles.realtime import Controller
from rxkernel import Request
from tests.bundles.realtime.conftest import ServeRoutes
from tests.bundles.realtime.route_files import application_of, entry, problems_of, write_routes

PAGE = {"Accept": "text/html"}


class ApiController(Controller):
    async def status(self, request: Request) -> str:
        return "ok"


class RootController(ApiController, prefix=""):
    pass


@pytest.fixture
def root_dir(tmp_path: Path) -> Path:
    root = tmp_path / "site"
    (root / "assets").mkdir(parents=True)
    (root / "index.html").write_text("<h1>index</h1>")
    (root / "assets" / "app.js").write_text("let a = 1;")
    (root / "assets" / "app.css").write_text("h1 {}")
    (root / ".env").write_text("SECRET=1")
    (tmp_path / "outside.txt").write_text("outside")
    (root / "link.txt").symlink_to(tmp_path / "outside.txt")
    write_routes(
        tmp_path, "api", entry("GET", "/status", "status"), entry("POST", "/data", "status")
    )
    write_routes(tmp_path, "root", entry("GET", "/health", "status"))
    return root


# check 38
async def test_file_is_sent_with_its_type_conditions_and_ranges(
    serve_routes: ServeRoutes, root_dir: Path
) -> None:
    site = await serve_routes(ApiController, settings={"root_dir": root_dir})

    index = await site("GET", "/")
    assert (index.status, index.text) == (200, "<h1>index</h1>")
    assert index.headers["Content-Type"].startswith("text/html")
    script = await site("GET", "/assets/app.js")
    assert script.headers["Content-Type"].startswith("text/javascript")
    style = await site("GET", "/assets/app.css")
    assert style.headers["Content-Type"].startswith("text/css")
    same = await site("GET", "/assets/app.js", headers={"If-None-Match": script.headers["ETag"]})
    assert same.status == 304
    part = await site("GET", "/assets/app.js", headers={"Range": "bytes=0-2"})
    assert (part.status, part.text) == (206, "let")
    assert (await site("GET", "/api/status")).text == "ok"


# check 38
@pytest.mark.parametrize("spa", [True, False])
@pytest.mark.parametrize("path", ["/.env", "/link.txt", "/..%2foutside.txt", "/assets/..%2f.env"])
async def test_hidden_files_links_and_traversal_are_refused(
    serve_routes: ServeRoutes, root_dir: Path, path: str, spa: bool
) -> None:
    site = await serve_routes(ApiController, settings={"root_dir": root_dir, "spa_fallback": spa})

    assert (await site("GET", path, headers=PAGE)).status == 404


# check 39
async def test_page_is_sent_for_unknown_paths_only(
    serve_routes: ServeRoutes, root_dir: Path
) -> None:
    settings: dict[str, Any] = {"root_dir": root_dir}
    site = await serve_routes(ApiController, RootController, settings=settings)

    page = await site("GET", "/orders/7", headers=PAGE)
    assert (page.status, page.text) == (200, "<h1>index</h1>")
    not_found = {"statusCode": 404, "message": "Not Found"}
    for method, path in (
        ("GET", "/orders/7"),
        ("POST", "/orders/7"),
        ("DELETE", "/api/none"),
        ("POST", "/assets/app.js"),
        ("PUT", "/orders?a=1"),
    ):
        answer = await site(method, path)
        assert (answer.status, answer.json) == (404, not_found), path
    for path in ("/api/none", "/api", "/api/status/x"):
        answer = await site("GET", path, headers=PAGE)
        assert (answer.status, answer.json) == (404, not_found), path
    for path in ("/apiary", "/API/none"):  # paths are case-sensitive
        assert (await site("GET", path, headers=PAGE)).status == 200
    assert (await site("GET", "/API/status")).json == not_found
    assert (await site("GET", "/health")).text == "ok"
    for path in ("/api/status", "/api/data"):
        wrong_method = await site("PUT", path)
        assert wrong_method.status == 405
        assert "Allow" in wrong_method.headers


# check 39
async def test_without_fallback_unknown_path_is_404_json(
    serve_routes: ServeRoutes, root_dir: Path
) -> None:
    settings = {"root_dir": root_dir, "spa_fallback": False}
    site = await serve_routes(ApiController, settings=settings)

    answer = await site("GET", "/orders/7", headers=PAGE)

    assert (answer.status, answer.json) == (404, {"statusCode": 404, "message": "Not Found"})
    assert (await site("GET", "/assets/app.js")).status == 200


async def test_files_are_below_the_prefix_of_the_application(
    serve_routes: ServeRoutes, root_dir: Path
) -> None:
    settings = {"root_dir": root_dir}
    site = await serve_routes(ApiController, settings=settings, http={"prefix": "/app"})

    assert (await site("GET", "/app/orders", headers=PAGE)).status == 200
    assert (await site("GET", "/app/api/x", headers=PAGE)).status == 404
    assert (await site("POST", "/app/orders")).status == 404


async def test_root_dir_that_is_missing_or_has_no_page_is_reported(
    tmp_path: Path, root_dir: Path
) -> None:
    missing = application_of(tmp_path, ApiController, settings={"root_dir": tmp_path / "no"})
    (problem,) = await problems_of(missing)
    assert "the folder does not exist" in problem
    assert "realtime.root_dir" in problem

    (root_dir / "index.html").unlink()
    without_page = application_of(tmp_path, ApiController, settings={"root_dir": root_dir})
    (problem,) = await problems_of(without_page)
    assert "fallback is 'index.html'" in problem


async def test_relative_root_dir_is_below_the_working_directory(
    serve_routes: ServeRoutes, root_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root_dir.parent)
    site = await serve_routes(ApiController, settings={"root_dir": Path("site")})

    assert (await site("GET", "/")).status == 200
