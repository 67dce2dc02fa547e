"""The runner of the examples: a wrong example must fail."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from sybil import Document

from tests.docs.examples import Page, parse

FENCE = "`" * 3


@pytest.fixture
def namespace() -> Iterator[dict[str, Any]]:
    namespace: dict[str, Any] = {}
    Page.open(namespace)
    yield namespace
    Page.close(namespace)


def run(namespace: dict[str, Any], *blocks: tuple[str, str]) -> None:
    """Run *blocks*, pairs of a language and a source, as one page."""
    text = "".join(f"{FENCE}{language}\n{source}\n{FENCE}\n" for language, source in blocks)
    document = Document(text, "page.md")
    for region in parse(document):
        document.add(region)
    document.namespace = namespace
    for example in document.examples():
        example.evaluate()


@pytest.mark.parametrize(
    ("language", "source", "complaint"),
    [
        ("cobol", "STOP RUN.", "no example in 'cobol'"),
        ("", "anything", "no example in ''"),
        ("python", "assert 1 == 2, 'no'", "no"),
        ("python", "import asyncio\nawait asyncio.sleep(0)\nassert False, 'no'", "no"),
        ("python", "# test_wrong.py\ndef test_wrong() -> None:\n    assert False", "1 failed"),
        ("console", "$ python -m pytest --version\npytest 0.1", "the page says"),
        ("bash", "make nothing", "make knows no 'nothing'"),
        ("bash", "rm -rf build", "'rm' is not allowed in the documentation"),
        ("bash", "pip install '.[nothing]'", "no extra 'nothing'"),
        ("bash", "python -m rxkernel serve --nothing", "No such option"),
        ("bash", "python -m rxkernel nothing", "No such command"),
        ("bash", "rxkernel serve", "'rxkernel' is not allowed in the documentation"),
        (
            "python",
            "# rxkernel-lines/tests/stock.py\nNOTHING = 3",
            "stock.py does not contain what the page",
        ),
        ("toml", "[http]\nnothing = 1", "http.nothing"),
        ("text", "nothing was printed", "the page says"),
        ("html", "<b>", "begins with <!-- folder/name.html -->"),
        ("javascript", "console.log(1); // 1", "start a server on this page first"),
        ("console", "$ node missing.mjs\nready", "the page says"),
        ("javascript", "// IOServer\nclass {", "SyntaxError"),
        ("javascript", "// Metarhia\n({ method: async () => });", "SyntaxError"),
    ],
)
def test_block_invalid_fails(
    namespace: dict[str, Any], language: str, source: str, complaint: str
) -> None:
    with pytest.raises(Exception, match=re.escape(complaint)):
        run(namespace, (language, source))


def test_blocks_of_page_share_namespace_and_output(
    namespace: dict[str, Any],
) -> None:
    run(
        namespace,
        ("python", "import json\nvalue = {'a': [1, 2]}"),
        ("python", "print(json.dumps(value))"),
        ("json", '{"a": [1, 2]}'),
    )


def test_json_block_with_other_output_fails(namespace: dict[str, Any]) -> None:
    with pytest.raises(AssertionError):
        run(namespace, ("python", "print('[1]')"), ("json", "[2]"))


def test_json_block_with_a_name_is_written_as_a_file(namespace: dict[str, Any]) -> None:
    run(
        namespace,
        ("json", "# routes/api.json\n[1, 2]"),
        ("python", "from pathlib import Path\nprint(Path('routes/api.json').read_text())"),
        ("json", "[1, 2]"),
    )


def test_blocks_with_the_path_of_a_file_are_written(namespace: dict[str, Any]) -> None:
    read = "from pathlib import Path\nfor path in sorted(Path('own').rglob('*.*')):\n"
    read += "    print(path.read_text())"
    run(
        namespace,
        ("python", "# own/pages/get.py\nx = 1"),
        ("html", "<!-- own/pages/html.template -->\n<b>"),
        ("python", read),
        ("text", "x = 1\n<b>"),
    )


def test_programs_in_the_background_write_the_lines_of_log_blocks(
    namespace: dict[str, Any],
) -> None:
    script = """// lines.mjs
console.log("ready at 127.0.0.1:4222");
setTimeout(() => console.log("one\\ntwo"), 1);
setTimeout(() => {}, 60_000);
process.on("SIGTERM", () => process.exit(0));
"""
    run(
        namespace,
        ("javascript", script),
        ("console", "$ node lines.mjs\nready at 127.0.0.1:4222"),
        ("log", "on...\ntwo"),
    )
