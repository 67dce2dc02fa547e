"""The page of ``rxkernel new --layout site`` in a headless Chromium."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from click.testing import CliRunner
from playwright.async_api import BrowserContext, Page, expect

from bundles.autoload import create_application
from rxkernel import Application
from rxkernel.cli import main
from tests.serving import serving

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

HOSTILE = "<img src=x onerror=\"document.title='owned'\">"


@pytest_asyncio.fixture(loop_scope="module")
async def application(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Application]:
    folder = tmp_path / "guests"
    assert CliRunner().invoke(main, ["new", "--layout", "site", str(folder)]).exit_code == 0
    monkeypatch.chdir(folder)
    application = create_application("application")
    application.load_settings({"http.host": "127.0.0.1", "http.port": 0})
    async with serving(application):
        yield application


async def open_page(context: BrowserContext, application: Application) -> Page:
    page = await context.new_page()
    await page.goto(str(application.servers["http"].url))
    await expect(page.get_by_role("status")).to_have_text("Connected")
    return page


async def test_message_reaches_both_windows_and_the_session_keeps_the_name(
    application: Application, context: BrowserContext
) -> None:
    pages = [await open_page(context, application) for _ in range(2)]
    await pages[0].bring_to_front()

    await pages[0].get_by_label("Name").fill("Bob")
    await pages[0].get_by_label("Message", exact=True).fill(HOSTILE)
    await pages[0].get_by_role("button", name="Send").click()

    wanted = ["Ada The first one", f"Bob {HOSTILE}"]
    for page in pages:
        await page.bring_to_front()
        await expect(page.get_by_role("listitem")).to_have_text(wanted)
    await pages[1].reload()  # now rendered by the template
    await expect(pages[1].get_by_role("listitem")).to_have_text(wanted)
    await expect(pages[1].get_by_label("Name")).to_have_value("Bob")
    assert await pages[1].locator("img").count() == 0
