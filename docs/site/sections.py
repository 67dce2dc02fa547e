"""The index of the search: the text of every section of the site, in a script."""

import json
from collections.abc import Iterator
from typing import Any

from docutils.nodes import Element, TextElement, comment, literal_block, row, section, title
from sphinx.addnodes import desc, desc_name, desc_signature, pending_xref_condition, toctree
from sphinx.application import Sphinx
from sphinx.builders.html import StandaloneHTMLBuilder

_WEIGHTS = (
    ("docs/guide/", 1.3),
    ("docs/operate/command-line", 0.8),
    ("docs/operate/", 1.2),
    ("docs/tutorial/", 1.1),
    ("docs/bundles/autoload", 0.6),
    ("docs/bundles/gateway", 0.6),
    ("docs/bundles/metacom", 0.6),
    ("docs/bundles/realtime", 0.6),
    ("docs/bundles/web", 0.6),
    ("docs/examples/", 0.6),
    ("docs/explain/", 0.5),
    ("docs/extend/", 0.7),
    ("docs/reference/api/", 0.15),
    ("docs/reference/bundles/", 0.15),
    ("docs/reference/", 0.7),
    ("CONTRIBUTING", 0.4),
    ("bundles/", 0.4),
    ("benchmarks/", 0.3),
    ("CHANGELOG", 0.2),
)
"""How much the words of a section count, by the first of these that its page begins with.

Most readers look for a subject, so pages come before the reference. The bundles with 0.6 are for
users of another framework, and contain words of any subject. All others count 1.
"""


_QUESTIONS = "docs/guide/how-do-i"
"""The page whose rows are short answers: each is found by the words of its question."""


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("builder-inited", replace_search)
    app.connect("build-finished", write_sections)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def replace_search(app: Sphinx) -> None:
    """The search of Sphinx finds pages, not sections, and no numbers such as 404."""
    if isinstance(app.builder, StandaloneHTMLBuilder):
        app.builder.search = False


def write_sections(app: Sphinx, exception: Exception | None) -> None:
    if exception is not None:
        return
    found = [entry for page in sorted(app.env.found_docs) for entry in sections_of(app, page)]
    script = app.outdir / "_static" / "sections.js"
    script.parent.mkdir(exist_ok=True)
    script.write_text(f"const SECTIONS = {json.dumps(found, ensure_ascii=False)};\n", "utf-8")


def sections_of(app: Sphinx, page: str) -> Iterator[dict[str, Any]]:
    """The sections of *page*, and the names that it documents."""
    weight = next((weight for prefix, weight in _WEIGHTS if page.startswith(prefix)), 1.0)
    heading = app.env.titles[page].astext()
    doctree = app.env.get_doctree(page)
    for full_name in list(doctree.findall(is_full_name)):
        full_name.parent.remove(full_name)
    for number, node in enumerate(doctree.findall(is_entry)):
        name = next(iter(node.findall(is_name)))
        ids = node["ids"] or name.parent["ids"]
        yield {
            "url": f"{page}.html" + (f"#{ids[0]}" if number and ids else ""),
            "page": heading,
            "title": name.astext(),
            "name": name.astext() if is_public_name(node) else "",
            "text": text_of(node),
            "weight": weight,
        }
        if page == _QUESTIONS:
            yield from answers_of(node, f"{page}.html#{node['ids'][0]}", heading, weight)


def answers_of(node: Element, url: str, page: str, weight: float) -> Iterator[dict[str, Any]]:
    """The rows of the tables of the section *node*, but for their headings."""
    for child in node.children:
        for found in [] if isinstance(child, section) else child.findall(row):
            question, *answer = found.children
            if text_of(question).endswith("?"):
                text = " ".join(map(text_of, answer))
                yield {
                    "url": url,
                    "page": page,
                    "title": text_of(question),
                    "text": text,
                    "weight": weight,
                }


def text_of(node: Element) -> str:
    """The text below *node* in one line, code behind the rest."""
    texts = sorted(texts_of(node), key=lambda text: isinstance(text, literal_block))
    return " ".join(" ".join(text.astext() for text in texts).split())


def is_entry(node: Any) -> bool:
    return isinstance(node, section | desc)


def is_public_name(node: Any) -> bool:
    """Whether *node* documents a name that is imported, not one of a class."""
    return isinstance(node, desc) and node["objtype"] in ("class", "data", "exception", "function")


def is_full_name(node: Any) -> bool:
    """Whether it is `rxkernel.Request` beside `Request`, of which Sphinx shows one."""
    return isinstance(node, pending_xref_condition) and node["condition"] == "*"


def is_name(node: Any) -> bool:
    return isinstance(node, title | desc_name)


def texts_of(node: Element) -> Iterator[TextElement]:
    """The paragraphs and code below *node*, except of sections and names of their own."""
    for child in node.children:
        if isinstance(child, comment | desc | desc_signature | section | title | toctree):
            continue
        if isinstance(child, TextElement):
            yield child
        else:
            yield from texts_of(child)
