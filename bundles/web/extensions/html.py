"""``.html``, ``.ajax`` and directories without an extension: a text, or a template."""

from collections.abc import Mapping
from typing import Any

from bundles.web.client import Client
from bundles.web.extensions.extension import Extension, Rendered
from rxkernel import RxKernelError

_CONTENT_TYPE = "text/html; charset=utf-8"

_STEM = "html"
"""The template of a directory is ``html.template`` or ``html.jinja``."""


def render_html(client: Client, data: Any) -> Rendered:
    """Return *data* if it is a text; else the template of the directory, or of the nearest parent
    that has one. The template gets ``context.data``, to which a mapping is added.

    Raises:
        RxKernelError: *data* is something else, and there is no template.
    """
    if type(data) is str or isinstance(data, str | bytes):
        return data
    chain = client.chain
    template = chain.directory.template(_STEM)
    if template is None:
        if data is None:
            return None
        raise RxKernelError(
            f"{chain.name} returned {type(data).__name__}, and its directory has no template "
            f"{_STEM}.template or {_STEM}.jinja; return a text, or write one"
        )
    context = client.context.data
    if isinstance(data, Mapping):
        context.update(data)
        data = None
    return chain.tree.templates.render(client, template, context if data is None else data)


HTML = Extension("html", _CONTENT_TYPE, render_html)
AJAX = Extension("ajax", _CONTENT_TYPE, render_html)
