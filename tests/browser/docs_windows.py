"""Windows with the documentation page."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

from playwright.async_api import Browser, ConsoleMessage, Page, expect

from rxkernel import Application

OpenDocs: TypeAlias = Callable[..., Awaitable[Page]]

_EXPECTED = ("Failed to load resource", "WebSocket connection to")
"""The browser writes these for error statuses and failed connections, which tests provoke."""


@asynccontextmanager
async def docs_windows(browser: Browser) -> AsyncIterator[OpenDocs]:
    """Yield a function that opens the documentation page of an application in a new window.

    Errors of scripts and violations of the content security policy fail the test at the end.
    """
    contexts = []
    problems: list[str] = []

    def note(line: ConsoleMessage) -> None:
        if line.type in ("error", "warning") and not line.text.startswith(_EXPECTED):
            problems.append(line.text)

    async def open_docs(application: Application, fragment: str = "", **options: Any) -> Page:
        context = await browser.new_context(**options)
        contexts.append(context)
        page = await context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", note)
        await page.goto(docs_url(application) + fragment)
        await expect(page.get_by_text("Loading…")).to_have_count(0)
        return page

    yield open_docs
    for context in contexts:
        await context.close()
    assert problems == []


def docs_url(application: Application) -> str:
    """Return the URL of the page, below the prefix of the server."""
    server = application.servers["http"]
    prefix = application.settings.http.prefix
    return f"{server.url}{prefix}/docs/"
