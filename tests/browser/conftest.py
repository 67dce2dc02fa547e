"""The browser of all tests in this folder. Each test opens its own windows.

A test with several windows brings each to the front before it uses it: Chromium draws the others
once a second, and a click waits for two drawings.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, async_playwright, expect

from tests.browser.docs_windows import OpenDocs, docs_windows

expect.set_options(timeout=20_000)

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser(chromium: Path) -> AsyncIterator[Browser]:
    """One Chromium for the tests of a module."""
    async with (
        async_playwright() as playwright,
        await playwright.chromium.launch(executable_path=str(chromium), args=FLAGS) as browser,
    ):
        yield browser


@pytest_asyncio.fixture(loop_scope="module")
async def context(browser: Browser) -> AsyncIterator[BrowserContext]:
    """An error of a page, such as one of its content security policy, fails the test."""
    problems: list[str] = []
    async with await browser.new_context() as context:
        context.on(
            "console",
            lambda message: problems.append(message.text) if message.type == "error" else None,
        )
        context.on("weberror", lambda error: problems.append(str(error.error)))
        yield context
        assert problems == []  # before the pages are closed, which may interrupt an upgrade


@pytest_asyncio.fixture(loop_scope="module")
async def open_docs(browser: Browser) -> AsyncIterator[OpenDocs]:
    """``await open_docs(application, "#task_create")`` returns a window with the page."""
    async with docs_windows(browser) as open_docs:
        yield open_docs
