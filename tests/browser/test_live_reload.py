"""An editor saves a file of a running application: an open page sees the new code."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from bundles.autoload import Autoload, AutoloadBundle, AutoloadSettings
from bundles.contracts import ContractsBundle
from rxkernel import (
    Application,
    ConnectionEvent,
    FileResponse,
    HttpSettings,
    Response,
    ServerEvents,
    Settings,
    http,
    observe,
)
from tests.required_tools import ROOT
from tests.serving import serving
from tests.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

CLIENT = ROOT / "node_modules/socket.io-client/dist/socket.io.esm.min.js"

GREET = """
from bundles.autoload import domain

access = "public"

async def method(name: str) -> str:
    domain.greetings.count += 1
    return f"{greeting} {{name}}, {{domain.greetings.count}}"
"""

COUNT = """
count = 0

def migrate(old):
    global count
    count = old.count{more}
"""

PAGE = """<!DOCTYPE html>
<html lang="en"><title>Greetings</title>
<link rel="icon" href="data:,">
<button>Greet</button> <p role="status"></p>
<script type="module">
import { io } from "/client.js";
const socket = io({ transports: ["websocket"] });
document.querySelector("button").addEventListener("click", async () => {
  const { content } = await socket.emitWithAck("greetings/greet", { body: { name: "Ada" } });
  document.querySelector("p").textContent = content;
});
</script></html>
"""


class Pages:
    def __init__(self) -> None:
        self.connections = 0
        self.pages = 0

    @http("GET", "/", "page")
    async def page(self) -> Response:
        self.pages += 1
        return Response(PAGE, headers={"Content-Type": "text/html; charset=utf-8"})

    @http("GET", "/client.js", "client")
    async def client(self) -> FileResponse:
        return FileResponse(CLIENT)

    @observe(ServerEvents.ACCEPTED)
    async def accepted(self, event: ConnectionEvent) -> None:
        self.connections += 1


def write(root: Path, greeting: str, more: str = "") -> None:
    """Save both files as an editor does: write a temporary file and rename it."""
    for key, text in {
        "api/greetings/greet.py": GREET.format(greeting=greeting),
        "domain/greetings.py": COUNT.format(more=more),
    }.items():
        path = root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".tmp")
        temporary.write_text(text)
        temporary.replace(path)


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser: Browser) -> AsyncIterator[Page]:
    async with await browser.new_page() as page:
        yield page


async def test_saved_file_is_used_by_an_open_page_over_the_same_connection(
    node: Path, page: Page, tmp_path: Path
) -> None:
    root = tmp_path / "application"
    write(root, "Hello")
    pages = Pages()
    application = Application(
        bundles=[ContractsBundle, AutoloadBundle(root)],
        controllers=[pages],
        settings=Settings(
            http=HttpSettings(port=0), bundles={"autoload": AutoloadSettings(reload=True)}
        ),
    )
    async with serving(application):
        await page.goto(str(application.servers["http"].url))
        button, status = page.get_by_role("button"), page.get_by_role("status")
        await button.click()
        await expect(status).to_have_text("Hello Ada, 1")

        write(root, "Welcome", " + 1000")

        await until(lambda: application.injector.get(Autoload).snapshot.number == 2)
        await button.click()
        await expect(status).to_have_text("Welcome Ada, 1002")
        assert (pages.pages, pages.connections) == (1, 1)
