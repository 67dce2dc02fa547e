"""The site of the documentation: links and docstrings cause no warning, and the search
finds the page of each question."""

import json
import os
import pickle
import re
import runpy
import subprocess
import sys
from fcntl import LOCK_EX, flock
from pathlib import Path

import pytest
from docutils.nodes import document, image, table

from tests.required_tools import ROOT

QUESTIONS = {
    "404": "docs/guide/files.html",
    "How do I return 404?": "docs/guide/how-do-i.html",
    "who is the current user on a socket": "docs/tutorial/owners.html",
    "how do I test a broadcast": "docs/guide/testing.html",
    "upload a file": "docs/guide/requests.html",
    "CORS": "docs/guide/cors.html",
    "send an event to a room": "docs/guide/sockets.html",
    "send an event to one user": "docs/guide/how-do-i.html",
    "header on every response": "docs/guide/how-do-i.html",
    "serve https": "docs/guide/how-do-i.html",
    "invalid input": "docs/guide/typed-actions.html",
    "PostgreSQL": "docs/guide/how-do-i.html",
    "log as JSON": "docs/operate/logs.html",
    "logging": "docs/operate/logs.html",
    "behind nginx": "docs/operate/nginx.html",
    "liveness probe": "docs/operate/monitoring.html",
    "SIGTERM": "docs/operate/reload-and-stop.html",
    "too many connections": "docs/operate/overload.html",
    "redis": "docs/bundles/redis.html",
    "database session in an action": "docs/bundles/databases.html",
    "run a method every minute": "docs/bundles/tasks.html",
    "limit calls per minute": "docs/bundles/limits.html",
    "validate a socket message": "docs/guide/typed-actions.html",
    "request_id_header": "docs/operate/settings.html",
    "KernelClient": "docs/reference/api/testing.html",
}
WORDS_OF_OTHERS = {
    "404 exception handler": "docs/guide/errors.html",
    "422 custom format": "docs/guide/errors.html",
    "APIRouter": "docs/guide/controllers.html",
    "BackgroundTasks": "docs/bundles/tasks-background.html",
    "Depends": "docs/guide/services.html",
    "Depends yield": "docs/guide/services.html",
    "JWT": "docs/bundles/security-tokens.html",
    "SSE": "docs/guide/responses.html",
    "after_request": "docs/guide/events.html",
    "authentication": "docs/bundles/security.html",
    "before_request": "docs/guide/events.html",
    "blueprint": "docs/guide/controllers.html",
    "celery": "docs/bundles/tasks-background.html",
    "cron": "docs/bundles/tasks.html",
    "docker": "docs/operate/container.html",
    "exception handler": "docs/guide/errors.html",
    "graceful shutdown": "docs/operate/reload-and-stop.html",
    "gunicorn": "docs/operate/container.html",
    "hook": "docs/guide/events.html",
    "interceptor": "docs/guide/events.html",
    "lifespan": "docs/guide/services.html",
    "middleware": "docs/guide/how-do-i.html",
    "nightly": "docs/bundles/tasks.html",
    "on_startup": "docs/guide/services.html",
    "pagination": "docs/bundles/filters.html",
    "permissions": "docs/bundles/security.html",
    "rolling restart": "docs/operate/deployment.html",
    "rooms": "docs/guide/sockets.html",
    "router": "docs/guide/controllers.html",
    "run a job every night": "docs/bundles/tasks.html",
    "run in a container": "docs/operate/container.html",
    "static files": "docs/guide/files.html",
    "swagger": "docs/bundles/apidocs-page.html",
    "uvicorn": "docs/operate/container.html",
    "validation": "docs/guide/typed-actions.html",
    "websocket auth": "docs/bundles/security-sockets.html",
    "websocket authentication": "docs/bundles/security-sockets.html",
}
"""Most are not on these pages: see docs/site/static/synonyms.js."""

_ASK = """
const { readFileSync } = require("node:fs");
const { runInThisContext } = require("node:vm");
const [, questions, ...scripts] = process.argv;
for (const script of scripts) runInThisContext(readFileSync(script, "utf8"));
const ask = runInThisContext("(question) => find(SECTIONS, question)");
const pages = (question) => ask(question).slice(0, 3).map(({ url }) => url.split("#")[0]);
console.log(JSON.stringify(Object.fromEntries(JSON.parse(questions).map((q) => [q, pages(q)]))));
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, which the processes of one run of the tests share: one builds it, others wait."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    with (folder / "site.lock").open("w") as lock:
        flock(lock, LOCK_EX)
        if not (folder / "site").exists():
            build(folder / "building").rename(folder / "site")
    return folder / "site"


def build(folder: Path) -> Path:
    """Build it in *folder*. The builder resolves all links but writes no pages, which saves half
    of the time. One process does it: a second one would take the core of other tests.
    """
    options = ["--quiet", "--fail-on-warning", "--builder", "dummy"]
    command = [sys.executable, "-m", "sphinx", *options, "-c", "docs", ".", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.returncode == 0
    return folder


def test_search_of_site_finds_the_page_of_each_question(site: Path, node: Path) -> None:
    expected = QUESTIONS | WORDS_OF_OTHERS
    found = search(site, node, list(expected))

    assert {
        query: found[query] for query, page in expected.items() if page not in found[query]
    } == {}


def test_search_of_site_finds_reference_first_for_a_name_only(site: Path, node: Path) -> None:
    found = search(site, node, ["cron", "cron times", "Request", "the request", "Background"])

    assert {query: pages[0].split("/")[1] for query, pages in found.items()} == {
        "cron": "reference",
        "cron times": "bundles",
        "Request": "reference",
        "the request": "guide",
        "Background": "reference",
    }


def test_reference_shows_all_names_that_a_docstring_describes_together(site: Path) -> None:
    """Sphinx takes `headers` of ``headers, query: …`` for the type of `query`."""
    texts = (site / "_static" / "sections.js").read_text("utf-8")

    assert "headers, query: of the handshake request" in texts
    assert re.findall(r"\w+ \((?:\w+, )*\w+,\):", texts) == []


def test_reference_shows_base_classes_except_abc(site: Path) -> None:
    texts = (site / "_static" / "sections.js").read_text("utf-8")

    assert '"text": "Bases: HttpException' in texts
    assert '"text": "One client in one Socket.IO namespace' in texts  # of Connection(ABC)


def test_screenshot_has_a_version_for_the_dark_theme(site: Path) -> None:
    pictures = doctree(site, "docs/index").findall(image)

    assert [(picture["uri"], picture["classes"]) for picture in pictures] == [
        ("docs/images/board.png", ["only-light"]),
        ("docs/images/board-dark.png", ["only-dark"]),
    ]


def test_page_with_both_versions_of_a_picture_shows_both(site: Path) -> None:
    pictures = doctree(site, "docs/bundles/apidocs-page").findall(image)

    assert {str(picture["classes"]) for picture in pictures} == {"[]"}


def test_table_of_settings_is_marked_for_narrow_screens(site: Path) -> None:
    tables = doctree(site, "docs/operate/settings").findall(table)

    assert [found for found in tables if "settings" in found["classes"]]


@pytest.mark.parametrize(
    ("code", "html"),
    [
        ("name", '<span class="pre">name'),
        ("request_timeout", '<span class="pre">request_<wbr>timeout'),
        ("KernelEvents.KERNEL_EXC", '<span class="pre">KernelEvents.<wbr>KERNEL_<wbr>EXC'),
        (
            "a_name_of_24_characters_",
            '<span class="pre long">a_<wbr>name_<wbr>of_<wbr>24_<wbr>characters_',
        ),
        ("&quot;X-Request-ID&quot;", '<span class="pre">&quot;X-Request-ID&quot;'),
    ],
)
def test_code_breaks_behind_underscores_and_dots(code: str, html: str) -> None:
    context = {"body": f'<span class="pre">{code}'}

    runpy.run_path(str(ROOT / "docs" / "conf.py"))["allow_breaks"](None, "", "", context, True)

    assert context["body"] == html


def doctree(site: Path, page: str) -> document:
    found = pickle.loads((site / ".doctrees" / f"{page}.doctree").read_bytes())
    assert isinstance(found, document)
    return found


def search(site: Path, node: Path, queries: list[str]) -> dict[str, list[str]]:
    """The pages of the first three results of each query."""
    static = ROOT / "docs" / "site" / "static"
    scripts = [site / "_static" / "sections.js", static / "synonyms.js", static / "search.js"]
    command = [str(node), "-e", _ASK, json.dumps(queries), *map(str, scripts)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    pages: dict[str, list[str]] = json.loads(done.stdout)
    return pages
