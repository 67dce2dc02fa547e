"""The search page of the documentation's site, opened as a file."""

import json
import shutil

import pytest
from playwright.async_api import BrowserContext, expect

from tests.required_tools import ROOT

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

PAGE = """<!doctype html>
<html data-content_root="./"><meta charset="utf-8">
<input name="q"><p id="search-status" role="status"></p><ol id="search-results"></ol>
<button id="search-more" hidden>More</button>
<script src="sections.js"></script><script src="synonyms.js"></script>
<script src="search.js"></script>
"""


def section(url: str, page: str, title: str, text: str) -> dict[str, object]:
    return {"url": url, "page": page, "title": title, "name": "", "text": text, "weight": 1.0}


SECTIONS = [
    section(
        "docs/guide/errors.html#not-found",
        "Errors",
        "Not found <b>404</b>",
        "To return it, raise <i>NotFoundException</i>.",
    ),
    section("a.html", "A", "A", "Tea and 404"),
    section("b.html", "B", "B", "Tea"),
    *(section(f"c.html#{number}", "C", f"Milk {number}", "Milk") for number in range(12)),
]


@pytest.fixture(scope="module")
def search_page(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("search")
    for name in "search.js", "synonyms.js":
        shutil.copy(ROOT / "docs" / "site" / "static" / name, folder)
    (folder / "sections.js").write_text(f"const SECTIONS = {json.dumps(SECTIONS)};", "utf-8")
    (folder / "search.html").write_text(PAGE, encoding="utf-8")
    return f"file://{folder}/search.html"


async def test_search_page_opened_as_a_file_links_to_the_best_section_first(
    context: BrowserContext, search_page: str
) -> None:
    page = await context.new_page()

    await page.goto(f"{search_page}?q=How+do+I+return+404%3F")

    await expect(page.get_by_role("link")).to_have_text(["Errors: Not found <b>404</b>", "A"])
    await expect(page.get_by_role("link").first).to_have_attribute(
        "href", "./docs/guide/errors.html#not-found"
    )
    await expect(page.locator("li p").first).to_have_text(
        "To return it, raise <i>NotFoundException</i>."
    )
    await expect(page.locator("input")).to_have_value("How do I return 404?")
    assert await page.locator("b, i").count() == 0
    await expect(page.get_by_role("button")).to_be_hidden()


async def test_search_page_shows_ten_results_and_more_on_demand(
    context: BrowserContext, search_page: str
) -> None:
    page = await context.new_page()
    await page.goto(f"{search_page}?q=milk")

    await expect(page.get_by_role("status")).to_have_text("12 sections, the best first")
    await expect(page.get_by_role("link")).to_have_count(10)
    await page.get_by_role("button", name="More").click()

    await expect(page.get_by_role("link")).to_have_count(12)
    await expect(page.get_by_role("button")).to_be_hidden()
