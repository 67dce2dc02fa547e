"""The chat of docs/examples/chat in a headless Chromium, in two windows."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import attrs
import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, expect

from rxkernel import Application
from tests.clients.test_chat import OPTIONS, chat
from tests.ports import reserved_port
from tests.serving import serving

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

HOSTILE = "<img src=x onerror=\"document.title='owned'\"><b>bold</b>"


@pytest_asyncio.fixture(loop_scope="module")
async def application(node: Path) -> AsyncIterator[Application]:
    """The chat. The fixture *node* skips the test if npm has not installed the client."""
    async with serving(chat(attrs.evolve(OPTIONS, health_interval=0.2))) as application:
        yield application


async def enter(context: BrowserContext, application: Application, name: str) -> Page:
    page = await context.new_page()
    await page.goto(str(application.servers["http"].url))
    await expect(page.get_by_role("status")).to_have_text("Live")
    await page.get_by_label("Name").fill(name)
    await page.get_by_role("button", name="Enter").click()
    await expect(page.get_by_role("heading", name="general")).to_be_visible()
    return page


async def say(page: Page, text: str) -> None:
    await page.bring_to_front()
    await page.get_by_label("Message", exact=True).fill(text)
    await page.get_by_role("button", name="Send").click()
    await expect(page.get_by_label("Message", exact=True)).to_have_value("")


async def test_two_windows_talk_type_and_change_rooms(
    application: Application, context: BrowserContext
) -> None:
    ada = await enter(context, application, "Ada")
    await say(ada, "Is anybody here?")
    bob = await enter(context, application, "Bob")
    messages = bob.get_by_role("list", name="Messages").get_by_role("listitem")
    await expect(messages).to_have_text(
        ["Ada joined the chat", "Ada: Is anybody here?", "Bob joined the chat"]
    )
    users = ada.get_by_role("list", name="Users").get_by_role("listitem")
    await expect(users).to_have_text(["Ada", "Bob"])

    await bob.get_by_label("Message", exact=True).press_sequentially("I am")
    await expect(ada.get_by_label("Typing")).to_have_text("Bob …")
    await bob.bring_to_front()
    await bob.get_by_role("button", name="Send").click()
    await expect(ada.get_by_text("Bob: I am")).to_be_visible()
    await expect(ada.get_by_label("Typing")).to_be_empty()

    await bob.get_by_label("Another room").fill("Tea")
    await bob.bring_to_front()
    await bob.get_by_role("button", name="Go").click()
    await expect(bob.get_by_role("heading", name="tea")).to_be_visible()
    await expect(ada.get_by_text("Bob left the room")).to_be_visible()
    await expect(users).to_have_text(["Ada"])
    await ada.bring_to_front()
    await ada.get_by_role("button", name="tea (1)").click()
    await expect(ada.get_by_role("heading", name="tea")).to_be_visible()
    await say(ada, "Milk?")
    await expect(bob.get_by_text("Ada: Milk?")).to_be_visible()

    await ada.close()
    await expect(bob.get_by_text("Ada left the chat")).to_be_visible()


async def test_texts_are_never_html(application: Application, context: BrowserContext) -> None:
    """Names, messages, rooms and announcements, live and from the history."""
    ada = await enter(context, application, "<b>Ada</b>")
    await say(ada, HOSTILE)
    await ada.get_by_label("Another room").fill("<i>tea</i>")
    await ada.bring_to_front()
    await ada.get_by_role("button", name="Go").click()
    await expect(ada.get_by_role("heading", name="<i>tea</i>")).to_be_visible()
    bob = await enter(context, application, "<s>Bob</s>")
    await expect(bob.get_by_text(f"<b>Ada</b>: {HOSTILE}")).to_be_visible()
    await ada.bring_to_front()
    await ada.get_by_role("button", name="general (1)").click()
    await expect(ada.get_by_role("heading", name="general")).to_be_visible()
    await bob.get_by_label("Message", exact=True).press_sequentially("x")
    await expect(ada.get_by_label("Typing")).to_have_text("<s>Bob</s> …")
    await say(bob, HOSTILE)
    await expect(ada.get_by_text(f"<s>Bob</s>: {HOSTILE}")).to_be_visible()
    async with aiohttp.ClientSession() as session:
        await session.post(
            f"{application.servers['http'].url}/admin/announcements",
            json={"content": HOSTILE},
            headers={"Authorization": "Bearer the key"},
        )
    for page in (ada, bob):
        await expect(page.get_by_role("note")).to_have_text(HOSTILE)
        assert await page.locator("img, b, i, s").count() == 0
        assert await page.title() == "Chat"


async def test_taken_name_is_reported(application: Application, context: BrowserContext) -> None:
    await enter(context, application, "Ada")
    page = await context.new_page()
    await page.goto(str(application.servers["http"].url))
    await page.get_by_label("Name").fill("ada")
    await page.get_by_role("button", name="Enter").click()
    await expect(page.get_by_role("alert")).to_have_text("Username already taken")
    await page.get_by_label("Name").fill("Eve")
    await page.get_by_role("button", name="Enter").click()
    await expect(page.get_by_role("alert")).to_be_hidden()
    users = page.get_by_role("list", name="Users").get_by_role("listitem")
    await expect(users).to_have_text(["Ada", "Eve"])


async def test_restarted_server_is_entered_again_in_the_same_room(
    node: Path, tmp_path: Path, browser: Browser
) -> None:
    """The messages are in a file; the users are not. Without the fixture `context`: Chromium
    writes the lost connections to the console."""
    options = attrs.evolve(OPTIONS, database=tmp_path / "chat.sqlite3")
    with reserved_port() as port:
        async with await browser.new_context() as context:
            async with serving(chat(options, port)) as application:
                ada, bob = [await enter(context, application, name) for name in ("Ada", "Bob")]
                await ada.get_by_label("Another room").fill("tea")
                await ada.bring_to_front()
                await ada.get_by_role("button", name="Go").click()
                await expect(ada.get_by_role("heading", name="tea")).to_be_visible()
                await say(ada, "before")

            for page in (ada, bob):
                await expect(page.get_by_role("status")).to_have_text("Not connected")
            async with serving(chat(options, port)):
                await bob.bring_to_front()
                await bob.get_by_role("button", name="tea (1)").click()
                await expect(bob.get_by_role("heading", name="tea")).to_be_visible()
                await expect(bob.get_by_text("Ada: before")).to_be_visible()
                await say(bob, "Back again")
                await expect(ada.get_by_text("Bob: Back again")).to_be_visible()


async def test_health_is_sent_to_administrators(
    application: Application, context: BrowserContext
) -> None:
    page = await context.new_page()
    await page.goto(f"{application.servers['http'].url}/admin.html")
    await page.get_by_label("Key").fill("the key")
    await page.get_by_role("button", name="Open").click()
    await expect(page.get_by_role("status")).to_have_text("Live")
    time = page.locator("dt:text-is('timestamp') + dd")
    first = await time.text_content()
    assert first is not None
    await expect(time).not_to_have_text(first)
    await expect(page.locator("dt:text-is('status') + dd")).to_have_text("ok")


async def test_wrong_key_of_an_administrator_is_reported(
    application: Application, browser: Browser
) -> None:
    """Without the fixture `context`: the rejected client closes its session, maybe during the
    upgrade to a WebSocket. Chromium then writes a 400 to the console."""
    async with await browser.new_page() as page:
        await page.goto(f"{application.servers['http'].url}/admin.html")
        await page.get_by_label("Key").fill("wrong")
        await page.get_by_role("button", name="Open").click()
        problem = page.get_by_role("alert")
        await expect(problem).to_have_text("The key of an administrator is required")
        await page.get_by_label("Key").fill("the key")
        await page.get_by_role("button", name="Open").click()
        await expect(page.get_by_role("status")).to_have_text("Live")
        await expect(problem).to_be_hidden()
