"""The site of the pages, built by ``make docs``: Sphinx with MyST and the theme Furo.

The pages are plain Markdown and know nothing of Sphinx. What the site needs besides is added while
they are read: the navigation is the order of the tables in the index pages, and a page below
``reference/api`` gets the signature and the docstring of each name in its tables.
"""

import gc
import inspect
import re
from abc import ABC
from collections.abc import Iterator
from functools import cache
from html import unescape
from importlib import import_module
from pathlib import Path
from textwrap import indent
from typing import Any

from docutils.nodes import (
    Element,
    Text,
    TextElement,
    document,
    entry,
    field_list,
    image,
    paragraph,
    table,
)
from pygments.formatters import HtmlFormatter
from pygments.lexers.special import TextLexer
from sphinx.addnodes import literal_strong, pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.highlighting import PygmentsBridge

from tests.docs.public_names import MODULES, ROW, docstring, is_ours, module_of, summary

project = "rxkernel"
author = copyright = "rxkernel contributors"
templates_path = ["site/templates"]
root_doc = "docs/index"
include_patterns = [
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "benchmarks/*.md",
    "bundles/README.md",
    "docs/**.md",
]
exclude_patterns = [
    ".*",
    "app",
    "benchmarks/.peers",
    "build",
    "dist",
    "node_modules",
    "rxkernel",
    "tests",
    "var",
]
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "docs.site.sections",
]

myst_heading_anchors = 6
suppress_warnings = [
    "misc.highlighting_failure",  # JSON and JavaScript with `...`, and files with their name
    "toc.not_included",  # the README, which the home page repeats
]

add_module_names = False
autodoc_default_options = {"members": True, "show-inheritance": True}
autodoc_inherit_docstrings = False
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
default_role = "py:obj"
maximum_signature_line_length = 80
python_trailing_comma_in_multi_line_signatures = False
toc_object_entries = False  # they would make each page slow to write
python_use_unqualified_type_names = True
napoleon_use_ivar = True
napoleon_use_rtype = False

smartquotes = False  # the pages quote code
pygments_dark_style = "a11y-high-contrast-dark"
html_theme = "furo"
html_title = "rxkernel"
html_copy_source = False
html_additional_pages = {"search": "search.html"}
html_show_sphinx = False
html_extra_path = ["site/root"]  # the file that leads to the home page
html_css_files = ["site.css"]
html_static_path = ["site/static"]
html_theme_options = {"navigation_with_keys": False}

_NAMES = ("docs/reference/api/", "docs/reference/bundles/")
_LINKED_PAGE = re.compile(r"^\| \[[^\]]+\]\(([^)#:]+)\.md\) \|", re.MULTILINE)

_WORDS = {" -- ": ": ", "Variables": "Attributes"}
"""What Sphinx writes in the lists of arguments, attributes and errors, and what we do."""

_SEVERAL_NAMES = re.compile(r"^ {4}\w+(?:, \w+)+:")
_CODE = re.compile(r'<span class="pre">([^<]{12,})')
_LONG = 24
"""The characters of a name in code that may break on a wide screen too."""
_NOT_SHOWN = (object, ABC)
"""Base classes that the reference does not list."""


class LineFormatter(HtmlFormatter):  # type: ignore[misc] # pygments has no types
    """Puts each line of a block into an element, so that site.css can indent a wrapped line."""

    def wrap(self, source: Iterator[tuple[int, str]]) -> Iterator[tuple[int, str]]:
        yield from super().wrap(
            (is_code, f'<span class="line">{line}</span>' if is_code else line)
            for is_code, line in source
        )


def setup(app: Sphinx) -> None:
    gc.disable()  # it takes half of the time; the parsed pages fill 900 MB instead of 450
    app.add_config_value("conf", Path(__file__).read_text("utf-8"), "env")  # reads all pages again
    PygmentsBridge.html_formatter = LineFormatter
    for language in "diagram", "log":
        app.add_lexer(language, TextLexer)
    app.connect("source-read", complete)
    app.connect("autodoc-process-bases", hide_bases)
    app.connect("autodoc-process-docstring", join_names, priority=400)  # before napoleon, at 500
    app.connect("doctree-read", correct_docstrings)
    app.connect("doctree-read", mark_settings)
    app.connect("doctree-read", add_dark_pictures, priority=400)  # before Sphinx collects them
    app.connect("html-page-context", allow_breaks)
    app.connect("missing-reference", refer_to_public_name)


def complete(_: Sphinx, page: str, source: list[str]) -> None:
    """Add to the text of *page* what the site needs, and plain Markdown does not."""
    if page.endswith("/index"):
        source[0] += navigation(page, source[0])
    if page.startswith(_NAMES):
        source[0] = with_documentation(page, source[0])


def navigation(page: str, text: str) -> str:
    """The pages that the tables of *text* link to, as a part of the menu."""
    linked = "\n".join(f"{path}.md" for path in dict.fromkeys(_LINKED_PAGE.findall(text)))
    return f"\n\n```{{toctree}}\n:hidden:\n\n{linked}\n```\n"


def with_documentation(page: str, text: str) -> str:
    """Return *text* with the documentation of its names at the end of each section."""
    module = module_of(Path(page))
    heading, *sections = re.split(r"^(?=## )", text, flags=re.MULTILINE)
    return heading + "\n".join(
        ROW.sub(rf"| {{py:obj}}`~{module}.\1` | \2 |", section)
        + "\n```{eval-rst}\n"
        + "\n".join(directive(module, row[1]) for row in ROW.finditer(section))
        + "\n```\n"
        for section in sections
    )


def directive(module: str, name: str) -> str:
    thing = getattr(import_module(module), name)
    path = f"{module}.{name}"
    if not is_ours(thing) or not thing.__module__.startswith(module):
        text = summary(module, name) if inspect.isclass(thing) else docstring(module, name)
        return f".. py:data:: {path}\n\n{indent(text, '   ')}\n"
    if inspect.isclass(thing):
        kind = "exception" if issubclass(thing, BaseException) else "class"
        return f".. auto{kind}:: {path}\n"
    return f".. autofunction:: {path}\n"


def join_names(
    _: Sphinx, what: str, name: str, thing: object, options: object, lines: list[str]
) -> None:
    """Remove the space of ``headers, query: …``: Sphinx takes what is before it for a type."""
    section = ""
    for number, line in enumerate(lines):
        if line and not line.startswith(" "):
            section = line
        elif section == "Attributes:":
            lines[number] = _SEVERAL_NAMES.sub(lambda names: names[0].replace(", ", ","), line)


def correct_docstrings(_: Sphinx, page: document) -> None:
    for reference in page.findall(pending_xref):  # or `host` is any attribute with this name
        reference.attributes.pop("refspecific", None)
    for line in [each for each in page.findall(paragraph) if each.astext() == "Bases:"]:
        line.parent.remove(line)  # see `hide_bases`: Sphinx writes the line in any case
    for field in page.findall(field_list):
        for text in list(field.findall(Text)):
            if isinstance(text.parent, literal_strong):  # see `join_names`
                text.parent.replace(text, Text(text.replace(",", ", ")))
            elif text in _WORDS:
                text.parent.replace(text, Text(_WORDS[text]))


def mark_settings(_: Sphinx, page: document) -> None:
    """Mark the tables of settings: site.css shows them in another way on a narrow screen."""
    for found in page.findall(table):
        if next(iter(found.findall(entry))).astext() == "setting":
            found["classes"].append("settings")


def add_dark_pictures(_: Sphinx, page: document) -> None:
    """Show `board-dark.png` instead of `board.png` in the dark theme, by the classes of Furo."""
    pictures = {picture["uri"]: picture for picture in page.findall(image)}
    for uri, picture in pictures.items():
        dark = re.sub(r"(?=\.png$)", "-dark", uri)
        if dark != uri and dark not in pictures and (Path(page["source"]).parent / dark).exists():
            copy = picture.deepcopy()
            copy["uri"] = dark
            copy["classes"].append("only-dark")
            picture["classes"].append("only-light")
            picture.parent.insert(picture.parent.index(picture) + 1, copy)


def allow_breaks(
    _: Sphinx, page: str, template: str, context: dict[str, Any], doctree: document | None
) -> None:
    """Let names in code break behind ``_``, ``.`` and ``(``; site.css says which do."""
    if doctree is not None:
        context["body"] = _CODE.sub(breakable, context["body"])


def breakable(code: re.Match[str]) -> str:
    classes = "pre long" if len(unescape(code[1])) >= _LONG else "pre"
    return f'<span class="{classes}">' + re.sub(r"[_.(](?=\w)", r"\g<0><wbr>", code[1])


def hide_bases(_: Sphinx, name: str, thing: type, options: object, bases: list[type]) -> None:
    bases[:] = [base for base in bases if base not in _NOT_SHOWN]


def refer_to_public_name(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, text: TextElement
) -> Element | None:
    """Link the types of signatures, and names in docstrings, to where the public name is."""
    name = public_names().get(node["reftarget"])
    if node["refdomain"] != "py" or name is None or name == node["reftarget"]:
        return None
    domain = env.get_domain("py")
    return domain.resolve_xref(env, node["refdoc"], app.builder, "obj", name, node, text)


@cache
def public_names() -> dict[str, str]:
    """Maps the names in signatures (with module) and docstrings (without) to public names."""
    found: dict[str, str] = {}
    for module in reversed(MODULES):  # rxkernel is last, and wins
        for name in getattr(import_module(module), "__all__", ()):
            thing = getattr(import_module(module), name)
            found[name] = f"{module}.{name}"
            if is_ours(thing) and thing.__module__.startswith(module):
                found[f"{thing.__module__}.{thing.__qualname__}"] = f"{module}.{name}"
    return found
