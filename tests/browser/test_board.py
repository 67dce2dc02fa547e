"""The page of the sample application in a headless Chromium, with the real socket.io-client.

All tests share one Chromium, each opens its own windows.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path
from typing import Protocol

import pytest
import pytest_asyncio
from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    expect,
)

from rxkernel import Application, KernelClient
from tests.app.board import board_of
from tests.ports import reserved_port
from tests.serving import serving

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


class OpenWindow(Protocol):
    def __call__(
        self, application: Application, beside: Page | None = None
    ) -> Awaitable[Page]: ...


@pytest_asyncio.fixture(loop_scope="module")
async def board(tmp_path: Path, node: Path) -> AsyncIterator[Application]:
    """Serve the board. The fixture *node* skips the test if npm has not installed the client."""
    async with serving(board_of(tmp_path)) as application:
        yield application


@pytest_asyncio.fixture(loop_scope="module")
async def open_window(browser: Browser) -> AsyncIterator[OpenWindow]:
    """Open the page in a new window. It shares cookies, cache and storage with the window *beside*
    only.

    An error in the console of a page fails the test at its end.
    """
    windows: list[BrowserContext] = []
    problems: list[str] = []

    def note(line: ConsoleMessage) -> None:
        if line.type == "error":
            problems.append(line.text)

    async def open_window(application: Application, beside: Page | None = None) -> Page:
        if beside is None:
            windows.append(await browser.new_context())
        page = await (windows[-1] if beside is None else beside.context).new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", note)
        await page.goto(str(application.servers["http"].url))
        return page

    yield open_window
    for window in windows:
        await window.close()
    assert problems == []


async def add(page: Page, title: str) -> None:
    await page.bring_to_front()
    await page.get_by_label("New task").fill(title)
    await page.get_by_role("button", name="Add").click()


async def enter(page: Page, button: str, username: str = "ada") -> None:
    """Press *button*, which is ``Sign in`` or ``Sign up``."""
    await page.bring_to_front()
    await page.get_by_label("Name").fill(username)
    await page.get_by_label("Password").fill("correct horse")
    await page.get_by_role("button", name=button).click()


async def test_change_in_one_window_appears_in_the_other(
    board: Application, open_window: OpenWindow
) -> None:
    here, there = await open_window(board), await open_window(board)
    for page in (here, there):
        await expect(page.get_by_role("status")).to_have_text("Live")
        await expect(page.get_by_text("Nothing to do.")).to_be_visible()

    await add(here, "Water the plants")
    for page in (here, there):
        await expect(page.get_by_role("listitem")).to_have_text(["Water the plants"])
        await expect(page.get_by_text("0 of 1 done")).to_be_visible()
    await expect(here.get_by_label("New task")).to_have_value("")

    await here.bring_to_front()
    await here.get_by_role("checkbox", name="Water the plants").check()
    await expect(there.get_by_role("checkbox", name="Water the plants")).to_be_checked()
    await expect(there.get_by_text("1 of 1 done")).to_be_visible()
    await there.get_by_role("checkbox", name="Water the plants").uncheck()
    await expect(here.get_by_role("checkbox", name="Water the plants")).not_to_be_checked()

    await there.bring_to_front()
    await there.get_by_role("button", name="Delete Water the plants").click()
    for page in (here, there):
        await expect(page.get_by_role("listitem")).to_have_count(0)
        await expect(page.get_by_text("Nothing to do.")).to_be_visible()


async def test_title_with_markup_is_shown_as_text(
    board: Application, open_window: OpenWindow
) -> None:
    """Markup in a title is shown as text, in this window and in others."""
    title = "<img src=x onerror=\"document.title='broken'\"><script>alert(1)</script>"
    here, there = await open_window(board), await open_window(board)

    await add(here, title)

    for page in (here, there):
        await expect(page.get_by_role("listitem")).to_have_text([title])
        await expect(page).to_have_title("Task board")
        await expect(page.locator("li img, li script")).to_have_count(0)


async def test_tasks_after_page_reload_are_shown(
    board: Application, open_window: OpenWindow
) -> None:
    page = await open_window(board)
    await add(page, "Water the plants")
    await add(page, "Feed the cat")
    await page.get_by_role("checkbox", name="Feed the cat").check()
    await expect(page.get_by_text("1 of 2 done")).to_be_visible()

    await page.reload()

    await expect(page.get_by_role("listitem")).to_have_text(["Water the plants", "Feed the cat"])
    await expect(page.get_by_role("checkbox", name="Feed the cat")).to_be_checked()
    await expect(page.get_by_role("checkbox", name="Water the plants")).not_to_be_checked()


async def test_title_rejected_by_server_is_reported_and_kept_in_field(
    board: Application, open_window: OpenWindow
) -> None:
    page = await open_window(board)

    await add(page, "   ")

    await expect(page.get_by_role("alert")).to_contain_text("title must be a string of 1 to 200")
    await expect(page.get_by_label("New task")).to_have_value("   ")
    await add(page, "Water the plants")
    await expect(page.get_by_role("listitem")).to_have_text(["Water the plants"])
    await expect(page.get_by_role("alert")).to_be_hidden()


async def test_board_with_keyboard_only_adds_changes_and_deletes_tasks(
    board: Application, open_window: OpenWindow
) -> None:
    """After a task is deleted with the keyboard, the next task has the focus."""
    page = await open_window(board)
    await expect(page.get_by_role("status")).to_have_text("Live")
    for title in ("first", "second"):
        await page.get_by_label("New task").press_sequentially(title)
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("checkbox", name=title)).to_be_visible()

    await page.get_by_role("checkbox", name="first").press("Space")
    await expect(page.get_by_text("1 of 2 done")).to_be_visible()
    await page.get_by_role("button", name="Delete first").press("Enter")
    await expect(page.get_by_role("button", name="Delete second")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.get_by_label("New task")).to_be_focused()


async def test_csv_download_has_file_name(board: Application, open_window: OpenWindow) -> None:
    page = await open_window(board)
    await add(page, "Grüße")
    await expect(page.get_by_role("listitem")).to_have_count(1)

    async with page.expect_download() as downloading:
        await page.get_by_role("link", name="Download as CSV").click()
    download = await downloading.value

    assert download.suggested_filename == "tasks.csv"
    text = await asyncio.to_thread((await download.path()).read_text, encoding="utf-8")
    assert "1,Grüße,False," in text


async def test_page_after_reconnection_shows_missed_changes(
    tmp_path: Path, node: Path, browser: Browser
) -> None:
    """After the reconnection the page requests the list of tasks again."""
    with reserved_port() as port:
        async with await browser.new_page() as page:
            async with serving(board_of(tmp_path, port=port)) as application:
                await page.goto(str(application.servers["http"].url))
                await add(page, "before")
                await expect(page.get_by_role("listitem")).to_have_text(["before"])

            await expect(page.get_by_role("status")).to_have_text("Offline, trying again…")
            await expect(page.get_by_role("button", name="Add")).to_be_disabled()
            async with KernelClient(board_of(tmp_path)) as client:
                await client.http("task_delete", params={"id": 1})
                await client.http("task_create", body={"title": "in between"})

            async with serving(board_of(tmp_path, port=port)):
                await expect(page.get_by_role("status")).to_have_text("Live")
                await expect(page.get_by_role("listitem")).to_have_text(["in between"])
                await expect(page.get_by_role("button", name="Add")).to_be_enabled()


async def test_page_without_socket_io_client_shows_how_to_install_it(
    tmp_path: Path, open_window: OpenWindow
) -> None:
    client = tmp_path / "socket.io.esm.min.js"
    async with serving(board_of(tmp_path, client)) as application:
        page = await open_window(application)

        await expect(page.get_by_role("heading", name="One step is left")).to_be_visible()
        await expect(page.get_by_text("socket.io-client")).to_be_visible()
        await expect(page.get_by_text("npm ci", exact=True)).to_be_visible()

        client.write_bytes(b"export const io = () => ({ on() {} });")
        await page.get_by_role("link", name="load this page again").click()
        await expect(page.get_by_role("heading", name="Task board")).to_be_visible()
        await page.close()  # before the server stops: loading a file would fail


async def test_account_has_private_tasks_over_both_transports(
    board: Application, open_window: OpenWindow
) -> None:
    """The page sends its events over the socket, and downloads the CSV over HTTP."""
    ada, bob, nobody = [await open_window(board) for _ in range(3)]
    await enter(ada, "Sign up", "ada")
    await enter(bob, "Sign up", "bob")
    await expect(ada.get_by_text("Signed in as ada")).to_be_visible()
    await expect(bob.get_by_text("Signed in as bob")).to_be_visible()
    await expect(nobody.get_by_label("Private")).to_be_hidden()
    also_ada = await open_window(board, beside=ada)
    await expect(also_ada.get_by_text("Signed in as ada")).to_be_visible()

    await ada.bring_to_front()
    await ada.get_by_label("Private").check()
    await add(ada, "Buy a present")
    await expect(also_ada.get_by_role("listitem")).to_have_text(["Buy a present Private"])
    await ada.get_by_label("Private").uncheck()
    await add(ada, "Water the plants")

    shown = ["Buy a present Private", "Water the plants"]
    for page in (ada, also_ada):
        await expect(page.get_by_role("listitem")).to_have_text(shown)
    for page in (bob, nobody):
        await expect(page.get_by_role("listitem")).to_have_text(["Water the plants"])
    for page, line in ((ada, "1,Buy a present,False,"), (bob, "2,Water the plants,False,")):
        text = await page.evaluate("async () => (await fetch('/tasks.csv')).text()")
        assert text.splitlines()[1].startswith(line)


async def test_sign_in_after_sign_out_shows_private_tasks_again(
    board: Application, open_window: OpenWindow
) -> None:
    page = await open_window(board)
    await enter(page, "Sign up")
    await page.get_by_label("Private").check()
    await add(page, "Buy a present")
    await expect(page.get_by_role("listitem")).to_have_count(1)

    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    await expect(page.get_by_role("listitem")).to_have_count(0)

    await enter(page, "Sign in")
    await expect(page.get_by_text("Signed in as ada")).to_be_visible()
    await expect(page.get_by_role("listitem")).to_have_text(["Buy a present Private"])
    await expect(page.get_by_role("status")).to_have_text("Live")


async def test_sign_in_and_out_in_one_window_is_followed_by_the_other(
    board: Application, open_window: OpenWindow
) -> None:
    """At sign-out the server ends the identity of each socket of the session."""
    here = await open_window(board)
    there, elsewhere = await open_window(board, beside=here), await open_window(board)
    await enter(here, "Sign up")
    await expect(here.get_by_text("Signed in as ada")).to_be_visible()
    await expect(there.get_by_text("Signed in as ada")).to_be_visible()
    await enter(elsewhere, "Sign in")
    await here.bring_to_front()
    await here.get_by_label("Private").check()
    await add(here, "Buy a present")
    for page in (there, elsewhere):
        await expect(page.get_by_role("listitem")).to_have_count(1)

    await here.bring_to_front()
    await here.get_by_role("button", name="Sign out").click()

    for page in (here, there):
        await expect(page.get_by_role("button", name="Sign in")).to_be_visible()
        await expect(page.get_by_text("Signed in as")).to_be_hidden()
        await expect(page.get_by_role("listitem")).to_have_count(0)
        await expect(page.get_by_role("status")).to_have_text("Live")
    await expect(elsewhere.get_by_text("Signed in as ada")).to_be_visible()
    await add(elsewhere, "Water the plants")
    await expect(there.get_by_role("listitem")).to_have_text(["Water the plants"])


async def test_sign_in_with_token_in_browser_reaches_both_transports(
    board: Application, open_window: OpenWindow
) -> None:
    """Without cookies, like an application on another site."""
    page = await open_window(board)
    await enter(page, "Sign up")
    await expect(page.get_by_text("Signed in as ada")).to_be_visible()
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_role("button", name="Sign in")).to_be_visible()

    names = await page.evaluate(
        """async () => {
            const { io } = await import("/static/socket.io-client.js");
            const { token } = await (await fetch("/security/login", {
                method: "POST",
                headers: { "Content-Type": "application/json" },
                body: JSON.stringify({ username: "ada", password: "correct horse" }),
            })).json();
            const socket = io({ auth: { token }, forceNew: true });
            const overSocket = await socket.emitWithAck("account_show", null);
            socket.close();
            const headers = { Authorization: `Bearer ${token}` };
            const overHttp = await (await fetch("/account", { headers })).json();
            return [overSocket.content.username, overHttp.username];
        }"""
    )

    assert names == ["ada", "ada"]


async def test_sign_in_without_websocket_is_followed_by_sockets(
    board: Application, browser: Browser
) -> None:
    """The socket uses polling then, and its requests send the cookie too."""
    async with await browser.new_context() as context:
        await context.add_init_script("delete window.WebSocket")
        here, there = await context.new_page(), await context.new_page()
        for page in (here, there):
            await page.goto(str(board.servers["http"].url))
            await expect(page.get_by_role("status")).to_have_text("Live")

        await enter(here, "Sign up")
        await expect(there.get_by_text("Signed in as ada")).to_be_visible()
        await here.bring_to_front()
        await here.get_by_label("Private").check()
        await add(here, "Buy a present")
        await expect(there.get_by_role("listitem")).to_have_text(["Buy a present Private"])

        await there.bring_to_front()
        await there.get_by_role("button", name="Sign out").click()
        for page in (here, there):
            await expect(page.get_by_role("button", name="Sign in")).to_be_visible()
            await expect(page.get_by_role("listitem")).to_have_count(0)


async def test_sign_in_wrong_password_is_reported(board: Application, browser: Browser) -> None:
    """Without the fixture `open_window`, because Chromium writes the 401 to the console."""
    async with await browser.new_page() as page:
        await page.goto(str(board.servers["http"].url))
        await expect(page.get_by_role("status")).to_have_text("Live")

        await enter(page, "Sign in")

        await expect(page.get_by_role("alert")).to_contain_text("Invalid credentials")
        await expect(page.get_by_label("Name")).to_have_value("ada")
        await enter(page, "Sign up")
        await expect(page.get_by_text("Signed in as ada")).to_be_visible()
        await expect(page.get_by_role("alert")).to_be_hidden()
