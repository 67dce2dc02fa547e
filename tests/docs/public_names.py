"""The public names of rxkernel and of the bundles, with their docstrings.

``python -m tests.docs.public_names`` writes the first sentences of the docstrings into the tables
of ``docs/reference/api`` and ``docs/reference/bundles``.
"""

import ast
import inspect
import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

from rxkernel.application.entry_points import installed
from tests.required_tools import ROOT

_REFERENCE = ROOT / "docs" / "reference"
PAGES = [
    page
    for folder in ("api", "bundles")
    for page in sorted((_REFERENCE / folder).glob("*.md"))
    if page.name != "index.md"
]
OURS = ("rxkernel", "bundles")
ROW = re.compile(r"^\| `(\w+)` \| (.*) \|$", re.MULTILINE)
MODULES = ("rxkernel", *(f"bundles.{name}" for name in sorted(installed())))


def module_of(page: Path) -> str:
    """``bundles/web.md`` is about `bundles.web`, other pages about `rxkernel`."""
    return f"bundles.{page.stem}" if page.parent.name == "bundles" else "rxkernel"


def summary(module: str, name: str) -> str:
    """Return the first sentence of the docstring of a public name, as a cell of a table."""
    paragraph, _, _ = docstring(module, name).partition("\n\n")
    text = re.sub(r"\s*\n\s*", " ", paragraph)
    sentence = re.match(r".*?\.(?= |$)", text)
    words = (sentence[0] if sentence else text).removesuffix(":")
    return re.sub(r"``(.+?)``", r"`\1`", words).replace("|", "\\|")


def with_summaries(page: Path) -> str:
    """Return the text of *page* with the summary of each name in its tables."""
    module = module_of(page)
    return ROW.sub(
        lambda row: f"| `{row[1]}` | {summary(module, row[1])} |",
        page.read_text(encoding="utf-8"),
    )


def docstring(module: str, name: str) -> str:
    """Return the docstring of a public name; that of a value is the string after it."""
    thing = getattr(import_module(module), name)
    if is_ours(thing):
        found = thing.__dict__.get("__doc__") if inspect.isclass(thing) else thing.__doc__
    else:
        origin = _imported_from(module)[name]
        found = _values(origin).get(name) if origin.startswith(OURS) else thing.__doc__
    return inspect.cleandoc(found or "")


def is_ours(thing: object) -> bool:
    """Whether *thing* is a class or a function of this repository, and not a value."""
    is_code = inspect.isclass(thing) or inspect.isroutine(thing)
    return is_code and str(getattr(thing, "__module__", "")).startswith(OURS)


@cache
def _imported_from(module: str) -> dict[str, str]:
    """For each name that *module* imports, the module that it is imported from."""
    return {
        alias.asname or alias.name: node.module
        for node in _tree(module).body
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }


@cache
def _values(module: str) -> dict[str, str]:
    """The docstring of each value that *module* assigns: the string in the next line."""
    return dict(_docstrings_of_values(_tree(module).body))


def _docstrings_of_values(body: list[ast.stmt]) -> Iterator[tuple[str, str]]:
    for statement, following in pairwise(body):
        match statement, following:
            case (
                ast.Assign(targets=[ast.Name(name)]) | ast.AnnAssign(target=ast.Name(name)),
                ast.Expr(ast.Constant(str(text))),
            ):
                yield name, text


def _tree(module: str) -> ast.Module:
    spec = find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    return ast.parse(Path(spec.origin).read_text(encoding="utf-8"))


def main() -> None:
    for page in PAGES:
        page.write_text(with_summaries(page), encoding="utf-8")


if __name__ == "__main__":
    main()
