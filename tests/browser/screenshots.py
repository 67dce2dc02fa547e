"""Takes the pictures of the documentation: ``make screenshots``.

Each picture shows a real application in the headless Chromium of the tests. It is written to
``docs/images``. Run it after a change of a page that a picture shows.
"""

import asyncio
import runpy
import shutil
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from playwright.async_api import Browser, Page, async_playwright, expect

from rxkernel import Application
from tests.app.board import board_of
from tests.browser.conftest import FLAGS
from tests.browser.test_chat import enter, say
from tests.browser.test_gateway import join, log_in
from tests.browser.test_gateway import say as say_in_room
from tests.clients.gateway_setups import gateway_example
from tests.clients.test_chat import chat
from tests.required_tools import ROOT, require_browser, require_node
from tests.serving import serving

Scheme = Literal["light", "dark"]

IMAGES = ROOT / "docs" / "images"
LARGEST = 150_000
"""The most bytes of a picture: a page has several."""


class Camera:
    def __init__(self, browser: Browser) -> None:
        self._browser = browser

    @asynccontextmanager
    async def windows(
        self, url: str, count: int = 2, *, size: tuple[int, int] = (480, 440), scheme: Scheme
    ) -> AsyncIterator[list[Page]]:
        """Open *url* in windows that share no cookie."""
        view = {"width": size[0], "height": size[1]}
        contexts = [
            await self._browser.new_context(
                viewport={"width": view["width"], "height": view["height"]}, color_scheme=scheme
            )
            for _ in range(count)
        ]
        try:
            pages = [await context.new_page() for context in contexts]
            for page in pages:
                await page.goto(url)
            yield pages
        finally:
            for context in contexts:
                await context.close()

    async def save(self, name: str, *pages: Page) -> None:
        """Write the picture *name* of *pages*, side by side."""
        shots = []
        for page in pages:
            await page.bring_to_front()
            shots.append(await page.screenshot(animations="disabled", caret="hide"))
        picture = shots[0] if len(shots) == 1 else await self._side_by_side(shots)
        assert len(picture) <= LARGEST, f"{name} has {len(picture)} bytes"
        (IMAGES / f"{name}.png").write_bytes(picture)
        print(f"docs/images/{name}.png: {len(picture) // 1024} KiB")  # noqa: T201

    async def _side_by_side(self, shots: list[bytes]) -> bytes:
        frames = "".join(
            f'<img src="data:image/png;base64,{b64encode(shot).decode()}">' for shot in shots
        )
        async with await self._browser.new_page() as page:
            await page.set_content(
                "<style>body { margin: 0 } div { display: inline-flex; gap: 12px; padding: 12px;"
                " background: #808791 } img { border-radius: 6px }</style>"
                f"<div>{frames}</div>"
            )
            await page.wait_for_function("[...document.images].every((one) => one.complete)")
            return await page.locator("div").screenshot()


def url_of(application: Application, path: str = "") -> str:
    return f"{application.servers['http'].url}{path}"


async def board(camera: Camera, folder: Path, scheme: Scheme) -> None:
    suffix = "" if scheme == "light" else "-dark"
    async with (
        serving(board_of(folder / scheme)) as application,
        camera.windows(url_of(application), scheme=scheme) as (ada, bob),
    ):
        for page, name in ((ada, "ada"), (bob, "bob")):
            await page.bring_to_front()
            await page.get_by_label("Name").fill(name)
            await page.get_by_label("Password").fill("correct horse")
            await page.get_by_role("button", name="Sign up").click()
            await expect(page.get_by_role("button", name="Sign out")).to_be_visible()
        await ada.bring_to_front()
        for title in ("Write each rule once", "Call it over HTTP and Socket.IO", "Drink tea"):
            await ada.get_by_label("New task").fill(title)
            await ada.get_by_role("button", name="Add").click()
            await expect(ada.get_by_text(title)).to_be_visible()
        await ada.get_by_role("checkbox", name="Write each rule once").click()
        await bob.bring_to_front()
        await expect(bob.get_by_role("checkbox", name="Write each rule once")).to_be_checked()
        await camera.save(f"board{suffix}", ada, bob)


async def counter(camera: Camera, folder: Path) -> None:
    async with (
        serving(board_of(folder / "counter")) as application,
        camera.windows(
            url_of(application, "/counter"), size=(480, 300), scheme="light"
        ) as windows,
    ):
        for page in windows:
            await page.bring_to_front()
            await expect(page.get_by_role("button", name="Count")).to_be_enabled()
        for _ in range(3):
            await windows[1].get_by_role("button", name="Count").click()
        for page in windows:
            await page.bring_to_front()
            await expect(page.locator("#value")).to_have_text("3")
        await camera.save("counter", *windows)


async def docs_page(camera: Camera, folder: Path, scheme: Scheme) -> None:
    suffix = "" if scheme == "light" else "-dark"
    async with (
        serving(board_of(folder / f"docs-{scheme}")) as application,
        camera.windows(
            url_of(application, "/docs/#task_create"), 1, size=(1290, 780), scheme=scheme
        ) as (page,),
    ):
        await page.get_by_role("button", name="Connect").click()
        await expect(page.get_by_text("Connected to /", exact=True)).to_be_visible()
        await page.get_by_label("application/json").fill('{"title": "Water the plants"}')
        await page.get_by_role("button", name="Send").click()
        status = page.get_by_role("region", name="Response").get_by_role("status")
        await expect(status).to_contain_text("201 Created")
        await page.get_by_text("curl command").click()
        await show_form(page)
        await camera.save(f"docs-page-http{suffix}", page)
        if scheme == "light":
            await page.get_by_role("tab", name="Socket.IO").click()
            await page.get_by_label("Body (JSON)").fill('{"title": "Feed the cat"}')
            await page.get_by_role("button", name="Emit").click()
            acknowledgement = page.get_by_role("region", name="Acknowledgement")
            await expect(acknowledgement.get_by_role("status")).to_contain_text("201 in")
            await show_form(page)
            await camera.save("docs-page-console", page)


async def show_form(page: Page) -> None:
    heading = page.get_by_role("heading", name="Try it")
    await heading.evaluate("(one) => scrollBy(0, one.getBoundingClientRect().top - 20)")


async def top_of(*pages: Page) -> None:
    for page in pages:
        await page.evaluate("scrollTo(0, 0)")


async def chat_example(camera: Camera) -> None:
    async with (
        serving(chat()) as application,
        camera.windows(url_of(application), size=(560, 640), scheme="light") as windows,
    ):
        ada = await enter(windows[0].context, application, "Ada")
        await say(ada, "Is anybody here?")
        bob = await enter(windows[1].context, application, "Bob")
        await say(bob, "I am. Tea?")
        await bob.get_by_label("Message", exact=True).press_sequentially("With")
        await ada.bring_to_front()
        await expect(ada.get_by_label("Typing")).to_have_text("Bob …")
        for page in (ada, bob):
            await page.set_viewport_size({"width": 560, "height": 640})
        await top_of(ada, bob)
        await camera.save("example-chat", ada, bob)


async def gateway(camera: Camera) -> None:
    async with (
        gateway_example("one_port") as served,
        camera.windows(served.page, size=(520, 830), scheme="light") as (ada, grace),
    ):
        for page, name, password in ((ada, "ada", "lovelace"), (grace, "grace", "hopper")):
            await expect(page.get_by_role("status")).to_have_text("Live")
            await log_in(page, name, password)
            await expect(page.get_by_test_id("user")).to_have_text(name)
            await join(page, "tea")
        await say_in_room(grace, "Milk?")
        await say_in_room(ada, "Yes, please.")
        await ada.get_by_role("button", name="Add").click()
        await expect(ada.get_by_test_id("result")).to_have_text("3")
        await top_of(ada, grace)
        await camera.save("example-gateway", ada, grace)


async def site(camera: Camera, folder: Path) -> None:
    copy = shutil.copytree(ROOT / "docs" / "examples" / "site", folder / "site")
    application = runpy.run_path(str(copy / "app.py"))["application"]
    assert isinstance(application, Application)
    secret = "a secret of the tests, of 32 bytes"
    application.load_settings(
        {"http.port": 0, "http.host": "127.0.0.1", "security.tokens.secret": secret}
    )
    async with (
        serving(application),
        camera.windows(url_of(application), size=(480, 420), scheme="light") as windows,
    ):
        for page, name, text in zip(
            windows, ("Ada", "Bob"), ("What a fine site!", "Greetings from Sofia"), strict=True
        ):
            await page.bring_to_front()
            await expect(page.get_by_role("status")).to_have_text("Live")
            await page.get_by_label("Name").fill(name)
            await page.get_by_label("Message", exact=True).fill(text)
            await page.get_by_role("button", name="Sign").click()
            await expect(page.get_by_label("Message", exact=True)).to_have_value("")
        await windows[0].bring_to_front()
        await expect(windows[0].get_by_role("listitem")).to_have_count(2)
        await camera.save("example-site", *windows)


async def main() -> None:
    require_node()  # the pages load packages of Node
    async with (
        async_playwright() as playwright,
        await playwright.chromium.launch(
            executable_path=str(require_browser()), args=FLAGS
        ) as browser,
    ):
        camera = Camera(browser)
        with TemporaryDirectory() as name:
            folder = Path(name)
            for part in ("light", "dark", "counter", "docs-light", "docs-dark"):
                (folder / part).mkdir()
            for scheme in ("light", "dark"):
                await board(camera, folder, scheme)
                await docs_page(camera, folder, scheme)
            await counter(camera, folder)
            await chat_example(camera)
            await gateway(camera)
            await site(camera, folder)


if __name__ == "__main__":
    asyncio.run(main())
