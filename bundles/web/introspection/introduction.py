"""The page with the handlers of one directory."""

from collections.abc import Iterator, Mapping
from html import escape
from pprint import pformat
from typing import Any

from bundles.contracts import Schema
from bundles.web.directories.directory import Directory
from bundles.web.directories.handler import Handler
from bundles.web.directories.handler_file_names import VERBS
from rxkernel import Response

_HEADERS: Mapping[str, str] = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": (
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}
"""The page has neither scripts nor styles, so it may load nothing."""

_SHOWN = ("parameters", "returns", "timeout", "deprecated")
"""The fields that are shown below the description, in this order."""


def introduction(directory: Directory) -> Response:
    """Return the page: for each verb of *directory* its ``meta``, and whether it is inherited. It
    does not show paths of files."""
    title = f"Handlers of {escape(directory.path or '/')}"
    sections = "".join(_sections(directory)) or "<p>The directory has no handlers.</p>\n"
    page = (
        f'<!DOCTYPE html>\n<html lang="en">\n<head><meta charset="utf-8">'
        f"<title>{title}</title></head>\n<body>\n<h1>{title}</h1>\n{sections}</body>\n</html>\n"
    )
    return Response(page, 200, _HEADERS)


def _sections(directory: Directory) -> Iterator[str]:
    if not directory.has_handlers:
        return
    for verb, method in VERBS.items():
        if handlers := directory.handlers_of(verb):
            handler = handlers[0]
            note = "" if verb in directory.handlers else " <small>inherited</small>"
            yield (
                f"<h2>{method} {escape(directory.path or '/')}{note}</h2>\n"
                f"{''.join(_facts(handler))}"
            )


def _facts(handler: Handler) -> Iterator[str]:
    fields = handler.fields
    text = fields.get("description") or fields.get("caption")
    if text:
        yield f"<p>{escape(str(text))}</p>\n"
    rows = [(name, fields[name]) for name in _SHOWN if fields.get(name)]
    if rows:
        cells = "".join(f"<dt>{name}</dt><dd>{_value(value)}</dd>\n" for name, value in rows)
        yield f"<dl>\n{cells}</dl>\n"


def _value(value: Any) -> str:
    """Return *value* as HTML: a notation as it is written, a compiled schema as JSON Schema."""
    if isinstance(value, Schema):
        value = value.json_schema()
    if isinstance(value, Mapping):
        return f"<pre>{escape(pformat(dict(value), sort_dicts=False))}</pre>"
    return f"<pre>{escape(str(value))}</pre>"
