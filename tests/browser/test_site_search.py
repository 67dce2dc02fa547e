"""The search page of the documentation's site, opened as a file."""

import json
from pathlib import Path

import pytest
from playwright.async_api import BrowserContext, expect

from tests.required_tools import ROOT

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

PAGE = """<!doctype html>
<html data-content_root="./"><meta charset="utf-8">
<input name="q"><p id="search-status" role="status"></p><ol id="search-results"></ol>
<script src="sections.js"></script><script src="search.js"></script>
"""
SECTIONS = [
    {
        "url": "docs/guide/errors.html#not-found",
        "page": "Errors",
        "title": "Not found <b>404</b>",
        "text": "To return it, raise <i>NotFoundException</i>.",
        "weight": 1.0,
    },
    {"url": "a.html", "page": "A", "title": "A", "text": "Tea and 404", "weight": 1.0},
    {"url": "b.html", "page": "B", "title": "B", "text": "Tea", "weight": 1.0},
]


async def test_search_page_opened_as_a_file_links_to_the_best_section_first(
    context: BrowserContext, tmp_path: Path
) -> None:
    script = (ROOT / "docs" / "site" / "static" / "search.js").read_text(encoding="utf-8")
    (tmp_path / "search.js").write_text(script, encoding="utf-8")
    (tmp_path / "sections.js").write_text(f"const SECTIONS = {json.dumps(SECTIONS)};", "utf-8")
    (tmp_path / "search.html").write_text(PAGE, encoding="utf-8")
    page = await context.new_page()

    await page.goto(f"file://{tmp_path}/search.html?q=How+do+I+return+404%3F")

    await expect(page.get_by_role("link")).to_have_text(["Errors: Not found <b>404</b>", "A"])
    await expect(page.get_by_role("link").first).to_have_attribute(
        "href", "./docs/guide/errors.html#not-found"
    )
    await expect(page.locator("li p").first).to_have_text(
        "To return it, raise <i>NotFoundException</i>."
    )
    await expect(page.locator("input")).to_have_value("How do I return 404?")
    assert await page.locator("b, i").count() == 0
