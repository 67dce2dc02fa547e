"""Checks of every page: links and paths exist, and no page names one of our machines."""

import ast
import re
from pathlib import Path

import pytest

from rxkernel.servers.aiohttp.fast_path.protocol import FastPathConnection
from rxkernel.servers.aiohttp.fast_path.states import ConnectionState
from tests.required_tools import ROOT

PAGES = [
    *ROOT.glob("*.md"),
    ROOT / "benchmarks" / "README.md",
    *sorted(page for page in (ROOT / "docs").rglob("*.md") if "examples" not in page.parts),
]
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_BASES = (".", "rxkernel", "rxkernel/servers")
_PATH = re.compile(
    r"`((?:rxkernel|tests|docs|benchmarks|app|messages|events|routing|kernel|servers|application"
    r"|cli|http|aiohttp|socketio)/(?:[\w./]*(?:/|\.(?:py|md|json)))?)`"
)
_TEST_FILE = re.compile(r"^```python\n# test_\w+\.py\n.*?^```$", re.MULTILINE | re.DOTALL)
_METHOD = re.compile(r"\b[A-Z]\w+\.[a-z_]\w*\b(?!\.)")
_PRIVATE = re.compile(r"/(?:home|root|work|Users)/|https?://(?:10|172|192)\.|index-url|registry\.")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_link_leads_to_existing_file_and_heading(page: Path) -> None:
    for link in _LINK.findall(page.read_text(encoding="utf-8")):
        target, _, heading = link.partition("#")
        if "://" in target:
            continue
        path = page.parent / target if target else page
        assert path.is_file(), f"{page.name} links to {link}"
        assert not heading or heading in anchors(path), f"{page.name} links to {link}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_page_has_no_private_path_or_registry(page: Path) -> None:
    assert _PRIVATE.findall(page.read_text(encoding="utf-8")) == []


INDEXES = sorted((ROOT / "docs").rglob("index.md"))


@pytest.mark.parametrize("index", INDEXES, ids=lambda index: str(index.relative_to(ROOT)))
def test_index_links_to_every_page_of_its_folder(index: Path) -> None:
    """The tables of the index pages are also the menu of the site."""
    pages = {
        *index.parent.glob("*.md"),
        *index.parent.glob("*/index.md"),
        *(index.parent.glob("*/README.md") if index.parent.name == "examples" else ()),
    }
    rows = re.findall(r"^\| \[[^\]]+\]\(([^)]+)\) \|", index.read_text("utf-8"), re.MULTILINE)

    assert pages - {index} <= {(index.parent / row).resolve() for row in rows}


def test_every_folder_of_pages_has_an_index() -> None:
    folders = {page.parent for page in PAGES} - {ROOT, ROOT / "benchmarks"}

    assert folders == {index.parent for index in INDEXES} - {ROOT / "docs" / "examples"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_page_names_existing_files_of_the_package(page: Path) -> None:
    """A path is `rxkernel/…`, `tests/…` or `docs/…`, or begins with a folder of the package."""
    missing = [
        path
        for path in _PATH.findall(page.read_text(encoding="utf-8"))
        if not any((ROOT / base / path).exists() for base in _BASES)
    ]

    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_page_with_async_tests_shows_the_options_of_pytest(page: Path) -> None:
    """Without ``asyncio_mode``, a reader sees "async def functions are not natively supported"."""
    text = page.read_text(encoding="utf-8")
    unmarked = [file for file in _TEST_FILE.findall(text) if "@pytest.mark.asyncio" not in file]
    needs_mode = any("async def test_" in file for file in unmarked)

    shown = "#the-pytest-plugin" in text or "asyncio_mode" in text

    assert shown or not needs_mode or page.parent.name == "tutorial"


def test_states_of_connection_name_its_methods() -> None:
    page = (ROOT / "docs" / "explain" / "architecture.md").read_text(encoding="utf-8")
    methods = {
        name
        for line in re.findall(r"^\| (?:[A-Z_]+|any) \|.*$", page, re.MULTILINE)
        for name in re.findall(r"`(\w+)`", line.split("|")[4])
    }

    assert methods
    assert {name for name in methods if not hasattr(FastPathConnection, name)} == set()
    assert set(re.findall(r"^\| ([A-Z_]+) \|", page, re.MULTILINE)) <= set(
        ConnectionState.__members__
    )


def test_architecture_names_existing_methods() -> None:
    """Each `Class.method` of the page is in the class that defines it."""
    page = (ROOT / "docs" / "explain" / "architecture.md").read_text(encoding="utf-8")
    defined = {
        f"{node.name}.{member.name}"
        for folder in ("rxkernel", "bundles/state")
        for path in (ROOT / folder).rglob("*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef)
        for member in node.body
        if isinstance(member, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    named = set(_METHOD.findall(page))

    assert {"AiohttpPath.handle", "Session.serve"} <= named
    assert named - defined == set()


def test_architecture_names_every_module_outside_the_folders() -> None:
    page = (ROOT / "docs" / "explain" / "architecture.md").read_text(encoding="utf-8")
    modules = {
        path.name
        for folder in (".", "servers", "servers/aiohttp")
        for path in (ROOT / "rxkernel" / folder).glob("*.py")
    }

    assert {name for name in modules if f"`{name}`" not in page} == {"__init__.py"}


def anchors(path: Path) -> set[str]:
    """Return the anchors that GitHub creates for the headings of a page."""
    headings = _HEADING.findall(path.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
