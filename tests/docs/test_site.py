"""The site of the documentation: links and docstrings cause no warning, and the search
finds the page of each question."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from pygments import highlight
from pygments.lexers.special import TextLexer

from docs.conf import LineFormatter
from tests.required_tools import ROOT

QUESTIONS = {
    "404": "docs/guide/files.html",
    "How do I return 404?": "docs/guide/errors.html",
    "who is the current user on a socket": "docs/tutorial/owners.html",
    "how do I test a broadcast": "docs/guide/testing.html",
    "upload a file": "docs/guide/requests.html",
    "CORS": "docs/guide/cors.html",
    "send an event to a room": "docs/guide/sockets.html",
    "send an event to one user": "docs/guide/how-do-i.html",
    "header on every response": "docs/guide/how-do-i.html",
    "middleware": "docs/guide/how-do-i.html",
    "serve https": "docs/guide/how-do-i.html",
    "invalid input": "docs/guide/typed-actions.html",
    "PostgreSQL": "docs/guide/how-do-i.html",
    "log as JSON": "docs/operate/logs.html",
    "behind nginx": "docs/operate/nginx.html",
    "liveness probe": "docs/operate/monitoring.html",
    "SIGTERM": "docs/operate/reload-and-stop.html",
    "too many connections": "docs/operate/overload.html",
    "database session in an action": "docs/bundles/databases.html",
    "run a method every minute": "docs/bundles/tasks.html",
    "limit calls per minute": "docs/bundles/limits.html",
    "request_id_header": "docs/operate/settings.html",
    "KernelClient": "docs/reference/api/testing.html",
}
_ASK = """
const { readFileSync } = require("node:fs");
const [, search, sections, questions] = process.argv;
const { find } = require(search);
const script = readFileSync(sections, "utf8");
const found = new Function(script + "return SECTIONS")();
const ask = (question) => find(found, question).slice(0, 8).map(({ url }) => url.split("#")[0]);
console.log(JSON.stringify(Object.fromEntries(JSON.parse(questions).map((q) => [q, ask(q)]))));
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built by the builder that resolves all links but writes no pages, to save half of the time.

    One process builds it: a second one would take the core of other tests, and would have to send
    what it has read.
    """
    folder = tmp_path_factory.mktemp("site")
    options = ["--quiet", "--fail-on-warning", "--builder", "dummy"]
    command = [sys.executable, "-m", "sphinx", *options, "-c", "docs", ".", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.returncode == 0
    return folder


def test_search_of_site_finds_the_page_of_each_question(site: Path, node: Path) -> None:
    search = ROOT / "docs" / "site" / "static" / "search.js"
    arguments = [str(search), str(site / "_static" / "sections.js"), json.dumps(list(QUESTIONS))]

    done = subprocess.run(
        [node, "-e", _ASK, *arguments], capture_output=True, text=True, check=True
    )

    found = json.loads(done.stdout)
    assert {
        question: page for question, page in QUESTIONS.items() if page not in found[question]
    } == {}


def test_each_line_of_a_block_is_an_element() -> None:
    """site.css wraps lines of commands on narrow screens, each with a hanging indent."""
    block = highlight("cd shop\n\nls\n", TextLexer(), LineFormatter())

    assert re.findall(r'<span class="line">(.*\n)</span>', block)[-3:] == [
        "cd shop\n",
        "\n",
        "ls\n",
    ]
