"""The page and its files, over HTTP. tests/browser opens them in a browser."""

import logging
from pathlib import Path

import pytest

from app import SOCKET_CLIENT
from rxkernel import KernelClient
from rxkernel.pytest_plugin import ClientOf
from tests.app.board import board_of
from tests.required_tools import ROOT
from tests.waiting import until

MISSING = Path("there-is-no-such-file.js")


@pytest.fixture
def client(client_of: ClientOf, tmp_path: Path) -> KernelClient:
    script = tmp_path / "client.js"
    script.touch()
    return client_of(board_of(tmp_path, script))


async def test_page_shows_board(client: KernelClient) -> None:
    response = await client.http("page")

    assert "/static/board.js" in response.content.read_text()
    assert response.headers["Content-Security-Policy"] == "default-src 'self'"


async def test_files_of_pages_are_logged_at_debug_by_the_timer(
    client: KernelClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "app.listeners")

    def lines() -> list[str]:
        found = [r for r in caplog.records if r.name == "app.listeners"]
        return [f"{r.levelname} {r.getMessage().partition(' in ')[0]}" for r in found]

    await client.http("page")
    await client.http("page_file", params={"name": "board.js"})
    await client.http("page_file", params={"name": "missing"})
    await client.http("apidocs_page_file", params={"path": "main.js"})
    await until(lambda: len(lines()) == 4)

    assert sorted(lines()) == [
        "DEBUG HTTP apidocs_page_file 200",
        "DEBUG HTTP page_file 200",
        "INFO HTTP page 200",
        "INFO HTTP page_file 404",
    ]


@pytest.mark.parametrize("route", ["page", "counter_page"])
async def test_page_without_npm_script_explains_installation(
    client_of: ClientOf, tmp_path: Path, route: str
) -> None:
    """The link of that page has an empty reference, which loads the requested page again."""
    client = client_of(board_of(tmp_path, MISSING))

    page = (await client.http(route)).content.read_text()

    assert "<code>npm ci</code>" in page
    assert '<a href="">load this page again</a>' in page
    assert "<script" not in page
    assert (await client.http("task_list")).content == []


@pytest.mark.parametrize("name", ["board.css", "board.js", "icon.svg", "socket.io-client.js"])
async def test_page_file_is_served(client: KernelClient, name: str) -> None:
    assert (await client.http("page_file", params={"name": name})).content.is_file()


@pytest.mark.parametrize("name", ["board.html", "unknown.js", "../__init__.py", "/etc/hosts"])
async def test_page_file_unknown_name_is_404(client: KernelClient, name: str) -> None:
    assert (await client.http("page_file", params={"name": name})).status_code == 404


def test_socket_client_default_path_is_the_path_of_npm() -> None:
    assert SOCKET_CLIENT.relative_to(ROOT).parts[:2] == ("node_modules", "socket.io-client")
