"""The guest book of docs/examples/site in a headless Chromium."""

import asyncio
import runpy
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, expect

from rxkernel import Application
from tests.required_tools import ROOT
from tests.serving import serving

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

HOSTILE = "<img src=x onerror=\"document.title='owned'\">"


@pytest_asyncio.fixture(loop_scope="module")
async def application(tmp_path: Path) -> AsyncIterator[Application]:
    """The site, in a copy of its folder, where it stores uploads."""
    folder = shutil.copytree(ROOT / "docs" / "examples" / "site", tmp_path / "guests")
    application = runpy.run_path(str(folder / "app.py"))["application"]
    assert isinstance(application, Application)
    secret = "a secret of the tests, of 32 bytes"
    application.load_settings(
        {"http.port": 0, "http.host": "127.0.0.1", "security.tokens.secret": secret}
    )
    async with serving(application):
        yield application


async def open_page(context: BrowserContext, application: Application) -> Page:
    page = await context.new_page()
    await page.goto(str(application.servers["http"].url))
    await expect(page.get_by_role("status")).to_have_text("Live")
    return page


async def sign(page: Page, name: str, text: str) -> None:
    await page.get_by_label("Name").fill(name)
    await page.get_by_label("Message", exact=True).fill(text)
    await page.get_by_role("button", name="Sign").click()
    await expect(page.get_by_label("Message", exact=True)).to_have_value("")


async def log_in(page: Page, password: str) -> None:
    await page.get_by_role("link", name="Log in").click()
    await page.get_by_label("User").fill("ada")
    await page.get_by_label("Password").fill(password)
    await page.get_by_role("button", name="Log in").click()


async def test_message_reaches_both_windows_as_text(
    application: Application, context: BrowserContext
) -> None:
    pages = [await open_page(context, application) for _ in range(2)]

    await sign(pages[0], "Ada", HOSTILE)
    await sign(pages[1], "<b>Bob</b>", "Hello")

    wanted = [f"Ada {HOSTILE}", "<b>Bob</b> Hello"]
    for page in pages:
        await expect(page.get_by_role("listitem")).to_have_text(wanted)
    await pages[0].reload()  # now rendered by the template
    await expect(pages[0].get_by_role("listitem")).to_have_text(wanted)
    assert await pages[0].locator("img").count() == 0


async def test_messages_are_sent_in_three_formats(
    application: Application, context: BrowserContext
) -> None:
    page = await open_page(context, application)
    await sign(page, "Ada", "=1+1")

    texts = [
        await page.evaluate(f"fetch('/messages.{form}').then((found) => found.text())")
        for form in ("json", "csv", "xml")
    ]

    assert texts[0] == '[{"name":"Ada","text":"=1+1"}]'
    assert texts[1] == 'name,text\r\nAda,"\'=1+1"\r\n'
    assert "<item><name>Ada</name><text>=1+1</text></item>" in texts[2]


async def test_user_logs_in_uploads_downloads_and_logs_out(
    application: Application, context: BrowserContext, tmp_path: Path
) -> None:
    page = await open_page(context, application)
    await log_in(page, "correct horse")
    await expect(page.get_by_label("Name")).to_have_value("ada")

    await page.get_by_role("link", name="Files").click()
    files = {"name": "päper.txt", "mimeType": "text/plain", "buffer": b"written"}
    await page.get_by_label("Files", exact=True).first.set_input_files(files)  # type: ignore[arg-type]
    await page.get_by_role("button", name="Upload").click()
    async with page.expect_download() as downloading:
        await page.get_by_role("link", name="päper.txt").click()
    download = await downloading.value
    assert download.suggested_filename == "päper.txt"
    saved = tmp_path / "saved"
    await download.save_as(saved)
    assert await asyncio.to_thread(saved.read_bytes) == b"written"

    await page.get_by_role("button", name="Log out").click()
    await expect(page.get_by_role("link", name="Log in")).to_be_visible()
    await expect(page.get_by_role("link", name="Files")).to_be_hidden()


async def test_errors_are_sent_as_pages(application: Application, browser: Browser) -> None:
    """Without the fixture `context`: Chromium writes failed requests to the console."""
    async with await browser.new_page() as page:
        url = str(application.servers["http"].url)
        response = await page.goto(f"{url}/uploads/")
        assert response is not None
        assert response.status == 401
        await expect(page.get_by_role("alert")).to_have_text("Unauthorized")
        await page.goto(f"{url}/nothing")
        await expect(page.get_by_role("heading", name="404 Not Found")).to_be_visible()
        await log_in(page, "wrong")
        await expect(page.get_by_role("heading", name="401 Unauthorized")).to_be_visible()
