"""The pages of docs/tutorial, followed in order; two windows show the result of each page."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.docs.tutorial import PAGES, Reader

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


@pytest.fixture(scope="module")
def reader(node: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    folder = tmp_path_factory.mktemp("tutorial") / "board"
    folder.mkdir()
    with ExitStack() as stack:
        reader = Reader(folder, stack)
        stack.callback(reader.close)
        yield reader


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def windows(browser: Browser) -> AsyncIterator[tuple[Page, Page]]:
    """Two windows of one browser, which share their cookies."""
    async with await browser.new_context() as context:
        yield await context.new_page(), await context.new_page()


Windows = tuple[Page, Page]


async def open_board(windows: Windows, reader: Reader) -> None:
    for window in windows:
        await window.goto(f"http://{reader.address}")


async def is_live(windows: Windows) -> None:
    for window in windows:
        await expect(window.get_by_role("status")).to_have_text("Live")


async def add(window: Page, title: str) -> None:
    await window.bring_to_front()
    await window.get_by_label("New task").fill(title)
    await window.get_by_role("button", name="Add").click()


async def sign_in(window: Page) -> None:
    await window.bring_to_front()
    await expect(window.get_by_role("status")).to_have_text("Please sign in")
    await window.get_by_label("Name").fill("ada")
    await window.get_by_label("Password").fill("correct horse")
    await window.get_by_role("button", name="Sign in").click()
    await expect(window.get_by_role("status")).to_have_text("Live")


async def see_live_page(windows: Windows, reader: Reader) -> None:
    await open_board(windows, reader)
    await is_live(windows)
    await add(windows[0], "Bread")
    for window in windows:
        await expect(window.get_by_role("listitem")).to_have_text(
            [
                "Read the tutorial",
                "Bread",
            ]  # the deliberate mistake on the page has restarted the server
        )


async def see_errors(windows: Windows, reader: Reader) -> None:
    await open_board(windows, reader)
    await is_live(windows)
    here, there = windows
    await here.bring_to_front()
    await here.get_by_label("Read the tutorial").check()
    await expect(there.get_by_label("Read the tutorial")).to_be_checked()
    await add(here, "")
    await expect(here.get_by_role("status")).to_have_text(
        "validation failed; see errors: body.title expected str of length >= 1"
    )


async def see_sign_in(windows: Windows, reader: Reader) -> None:
    await open_board(windows, reader)
    here, there = windows
    await sign_in(here)
    await there.reload()
    await is_live(windows)
    await expect(there.get_by_role("listitem")).to_have_text(["Tea"])
    await there.bring_to_front()
    await there.get_by_role("button", name="Sign out").click()
    for window in windows:
        await expect(window.get_by_role("status")).to_have_text("Please sign in")
        await expect(window.get_by_label("New task")).to_be_hidden()
        await expect(window.get_by_label("Password")).to_have_value("")
    await sign_in(here)


async def see_owners(windows: Windows, reader: Reader) -> None:
    await open_board(windows, reader)
    await is_live(windows)
    here, there = windows
    await expect(there.get_by_role("listitem")).to_contain_text(["Tea (nobody)", "Milk (ada)"])
    await here.bring_to_front()
    for title in ("Milk", "Tea"):
        item = here.get_by_role("listitem").filter(has_text=title)
        await item.get_by_role("button", name="Delete").click()
    await expect(here.get_by_role("status")).to_have_text("only its owner may delete a task")
    await expect(there.get_by_role("listitem")).to_contain_text(["Tea (nobody)"])


async def see_documentation(windows: Windows, reader: Reader) -> None:
    window = windows[0]
    await window.goto(f"http://{reader.address}/docs/#task_create")
    await expect(window.get_by_role("main")).to_contain_text("Add a task to the board")


async def see_workers(windows: Windows, reader: Reader) -> None:
    sessions: list[str] = []
    for window in windows:
        window.on("websocket", lambda socket: sessions.append(socket.url.partition("sid=")[2]))
    await open_board(windows, reader)
    await is_live(windows)
    assert len({session.partition(".")[0] for session in sessions}) == 2, (
        "both windows are at one worker"
    )
    await add(windows[0], "Two workers")
    await expect(windows[1].get_by_role("listitem").last).to_contain_text("Two workers (ada)")


Look = Callable[[Windows, Reader], Awaitable[None]]
LOOKS: dict[str, Look] = {
    "live-page": see_live_page,
    "errors": see_errors,
    "sign-in": see_sign_in,
    "owners": see_owners,
    "documentation": see_documentation,
    "workers": see_workers,
}


@pytest.mark.parametrize("page", PAGES)
async def test_tutorial_page_when_followed_has_its_described_result(
    page: str, reader: Reader, windows: Windows
) -> None:
    reader.read(page)
    if look := LOOKS.get(page):
        reader.wait_for_server()
        await look(windows, reader)
        for window in windows:  # otherwise it would reconnect during a later page
            await window.goto("about:blank")
