"""The sample application with two workers and Redis, in two browsers."""

import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.bundles.redis_servers import running_redis
from tests.cli.processes import Process
from tests.required_tools import ROOT

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

SETTINGS = """
[http]
trusted_proxies = ["127.0.0.1"]

[scale]
secret = "the workers of the test of the board"
"""


@pytest.fixture(scope="module")
def board(
    node: Path, redis_server: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Process]:
    folder = tmp_path_factory.mktemp("board")
    (folder / "rxkernel.toml").write_text(SETTINGS)
    with running_redis(redis_server, tmp_path_factory.mktemp("redis")) as redis:
        process = Process(
            [
                *("env", f"RXKERNEL_REDIS_URL={redis.url}", f"PYTHONPATH={ROOT}"),
                *(sys.executable, "-m", "rxkernel", "serve", "--port", "0", "--workers", "2"),
            ],
            folder,
        )
        process.line("^Listening on ")
        yield process
        process.kill()


class Window:
    """A browser with its own address, and the number of the worker with its socket."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.workers: set[str] = set()
        page.on("websocket", lambda socket: self.workers.add(_worker(socket.url)))


def _worker(url: str) -> str:
    return url.partition("sid=")[2].partition(".")[0]


@pytest_asyncio.fixture(loop_scope="module")
async def windows(browser: Browser, board: Process) -> AsyncIterator[tuple[Page, Page]]:
    """Two windows that are served by different workers."""
    by_worker: dict[str, Page] = {}
    contexts = []
    for number in range(50):  # the supervisor chooses the worker by the address
        headers = {"X-Forwarded-For": f"203.0.113.{number}"}
        contexts.append(await browser.new_context(extra_http_headers=headers))
        window = Window(await contexts[-1].new_page())
        await window.page.goto(board.url())
        await expect(window.page.get_by_role("status")).to_have_text("Live")
        [worker] = window.workers
        by_worker[worker] = window.page
        if len(by_worker) == 2:
            break
    here, there = by_worker.values()
    yield here, there
    for context in contexts:
        await context.close()


async def add(page: Page, title: str) -> None:
    await page.bring_to_front()
    await page.get_by_label("New task").fill(title)
    await page.get_by_role("button", name="Add").click()


async def test_browsers_at_two_workers_see_each_other(windows: tuple[Page, Page]) -> None:
    here, there = windows
    await add(here, "Tea")
    await expect(there.get_by_role("listitem")).to_have_text(["Tea"])
    await add(there, "Bread")
    await expect(here.get_by_role("listitem")).to_have_text(["Tea", "Bread"])


async def test_browsers_at_two_workers_share_a_counter(windows: tuple[Page, Page]) -> None:
    """Both click at the same time, and no click is lost."""
    for page in windows:
        await page.goto(f"{page.url}counter")
        await expect(page.get_by_role("status")).to_have_text("Live")
    for _ in range(5):
        for page in windows:
            await page.bring_to_front()
            await page.get_by_role("button", name="Count").click()
    for page in windows:
        await expect(page.get_by_text("Clicks:")).to_have_text("Clicks: 10")
    await windows[0].reload()
    await expect(windows[0].get_by_text("Clicks:")).to_have_text("Clicks: 10")
