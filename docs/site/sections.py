"""The index of the search: the text of every section of the site, in a script."""

import json
from collections.abc import Iterator
from typing import Any

from docutils.nodes import Element, Text, comment, section, title
from sphinx.addnodes import desc, desc_name, desc_signature, toctree
from sphinx.application import Sphinx
from sphinx.builders.html import StandaloneHTMLBuilder

_WEIGHTS = (
    ("benchmarks/", 0.3),
    ("bundles/", 0.4),
    ("CHANGELOG", 0.2),
    ("CONTRIBUTING", 0.4),
    ("docs/bundles/autoload", 0.7),
    ("docs/bundles/gateway", 0.7),
    ("docs/bundles/metacom", 0.7),
    ("docs/bundles/realtime", 0.7),
    ("docs/bundles/web", 0.7),
    ("docs/examples/", 0.6),
    ("docs/explain/coming-from", 0.5),
    ("docs/guide/", 1.3),
    ("docs/reference/", 0.7),
    ("docs/tutorial/", 1.2),
)
"""How much the words of a section count: most readers look for the subjects of the guide."""


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
    for number, node in enumerate(app.env.get_doctree(page).findall(is_entry)):
        name = next(iter(node.findall(is_name)))
        ids = node["ids"] or name.parent["ids"]
        yield {
            "url": f"{page}.html" + (f"#{ids[0]}" if number and ids else ""),
            "page": heading,
            "title": name.astext(),
            "text": " ".join(" ".join(texts_of(node)).split()),
            "weight": weight,
        }


def is_entry(node: Any) -> bool:
    return isinstance(node, section | desc)


def is_name(node: Any) -> bool:
    return isinstance(node, title | desc_name)


def texts_of(node: Element) -> Iterator[str]:
    """The texts below *node*, without those of sections and names of their own."""
    for child in node.children:
        if isinstance(child, Text):
            yield child.astext()
        elif isinstance(child, Element) and not isinstance(
            child, comment | desc | desc_signature | section | title | toctree
        ):
            yield from texts_of(child)
