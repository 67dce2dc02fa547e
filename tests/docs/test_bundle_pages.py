"""The pages of bundles have the same sections, in the same order; see CONTRIBUTING.md."""

import re
from pathlib import Path

import pytest

from tests.required_tools import ROOT

PAGES = sorted(set((ROOT / "docs" / "bundles").glob("*.md")) - {ROOT / "docs/bundles/index.md"})
ORDER = ("Install", "Example", "Testing", "Errors", "Limits", "Settings", "How it works")
BEFORE_TASKS, AFTER_TASKS = ORDER[:2], ORDER[2:]
BUNDLES = {path.parent.name for path in (ROOT / "bundles").glob("*/__init__.py")}


def sections(page: Path) -> list[str]:
    """The headings of the second level, without those in examples."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    return re.findall(r"^## (.+)$", text, re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_page_has_the_sections_of_all_pages_in_their_order(page: Path) -> None:
    assert page.read_text(encoding="utf-8").startswith("# ")
    found = sections(page)
    last = "Coming from"
    named = [title for title in found if title in ORDER]
    others = [n for n, title in enumerate(found) if title not in ORDER]
    tasks = [n for n in others if not found[n].startswith(last)]

    assert "Example" in named
    assert named == [title for title in ORDER if title in named]
    assert all(found.index(t) < min(tasks) for t in BEFORE_TASKS if t in found and tasks)
    assert all(found.index(t) > max(tasks) for t in AFTER_TASKS if t in found and tasks)


def is_for_an_application(page: Path) -> bool:
    """Whether a reader begins with *page*, and not to write a client."""
    begins = page.stem in BUNDLES or "Install" in sections(page)
    return begins and not page.stem.endswith("-client")


@pytest.mark.parametrize(
    "page", [*filter(is_for_an_application, PAGES)], ids=lambda page: page.name
)
def test_page_shows_how_to_test_an_application(page: Path) -> None:
    assert "Testing" in sections(page)


def test_readme_of_the_folder_describes_each_package() -> None:
    readme = (ROOT / "bundles" / "README.md").read_text(encoding="utf-8")

    assert set(re.findall(r"^\| `(\w+)` \|", readme, re.MULTILINE)) == BUNDLES
