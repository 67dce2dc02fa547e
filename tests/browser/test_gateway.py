"""The example docs/examples/gateway in a headless Chromium, in two windows."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, Page, expect

from tests.clients.gateway_setups import SETUPS, Served, gateway_example

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

HOSTILE = "<img src=x onerror=\"document.title='owned'\"><b>bold</b>"


@pytest_asyncio.fixture(loop_scope="module", params=SETUPS)
async def served(request: pytest.FixtureRequest, node: Path) -> AsyncIterator[Served]:
    """The fixture *node* skips the test if npm has not installed the client."""
    async with gateway_example(request.param) as served:
        yield served


async def open_page(context: BrowserContext, served: Served) -> Page:
    page = await context.new_page()
    await page.goto(served.page)
    await expect(page.get_by_role("status")).to_have_text("Live")
    return page


async def log_in(page: Page, name: str, password: str) -> None:
    await page.bring_to_front()
    await page.get_by_label("Name").fill(name)
    await page.get_by_label("Password").fill(password)
    await page.get_by_role("button", name="Log in").click()


async def join(page: Page, room: str) -> None:
    await page.bring_to_front()
    await page.get_by_role("textbox", name="Room").fill(room)
    await page.get_by_role("button", name="Join").click()


async def say(page: Page, text: str) -> None:
    await page.bring_to_front()
    await page.get_by_role("textbox", name="Text").fill(text)
    await page.get_by_role("button", name="Say").click()
    await expect(page.get_by_role("textbox", name="Text")).to_have_value("")


async def test_two_windows_call_actions_and_talk(served: Served, context: BrowserContext) -> None:
    ada, grace = await open_page(context, served), await open_page(context, served)

    await ada.get_by_role("button", name="Add").click()
    await expect(ada.get_by_test_id("result")).to_have_text("3")
    await expect(ada.get_by_label("Log").get_by_role("listitem").first).to_have_text("ack null 3")
    await ada.get_by_label("b", exact=True).fill("0")
    await ada.get_by_role("button", name="Divide").click()
    await expect(ada.get_by_role("alert")).to_have_text("Division by zero (422)")

    await join(ada, "tea")
    await expect(ada.get_by_role("alert")).to_have_text("Log in first (401)")
    await log_in(ada, "ada", "wrong")
    await expect(ada.get_by_role("alert")).to_have_text("Wrong name or password (401)")
    await log_in(ada, "ada", "lovelace")
    await expect(ada.get_by_test_id("user")).to_have_text("ada")
    await expect(ada.get_by_role("alert")).to_be_hidden()
    await log_in(grace, "grace", "hopper")
    await expect(grace.get_by_test_id("user")).to_have_text("grace")

    await join(ada, "tea")
    members = ada.get_by_role("list", name="Members").get_by_role("listitem")
    await expect(members).to_have_text(["ada"])
    await join(grace, "tea")
    await expect(members).to_have_text(["ada", "grace"])
    await say(grace, "Milk?")
    messages = ada.get_by_role("list", name="Messages").get_by_role("listitem")
    await expect(messages).to_have_text(["grace: Milk?"])
    await say(ada, HOSTILE)
    heard = grace.get_by_role("list", name="Messages").get_by_role("listitem")
    await expect(heard).to_have_text(["grace: Milk?", f"ada: {HOSTILE}"])
    assert await grace.locator("img, b").count() == 0
    assert await grace.title() == "Gateway"

    await grace.get_by_role("button", name="Log out").click()
    await expect(grace.get_by_test_id("user")).to_have_text("nobody")
    await expect(members).to_have_text(["ada"])
    await ada.close()


async def test_file_is_uploaded_and_listed(served: Served, context: BrowserContext) -> None:
    page = await open_page(context, served)
    await log_in(page, "ada", "lovelace")
    await expect(page.get_by_test_id("user")).to_have_text("ada")

    for name, size in ("small.bin", 3), ("large.bin", 500_001):
        file = {"name": name, "mimeType": "application/octet-stream", "buffer": b"x" * size}
        await page.get_by_label("File", exact=True).set_input_files(file)  # type: ignore[arg-type]
        await page.get_by_role("button", name="Upload").click()
        files = page.get_by_role("list", name="Files").get_by_role("listitem")
        await expect(files).to_have_text(["small.bin: 3 bytes of ada"])

    await expect(page.get_by_role("alert")).to_have_text("A file has at most 500000 bytes (413)")
