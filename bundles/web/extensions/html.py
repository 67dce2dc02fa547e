"""``.html``, ``.ajax`` and directories without an extension: a text, or a template."""

from collections.abc import Mapping
from typing import Any

from bundles.web.client import Client
from bundles.web.extensions.extension import Extension, Rendered
from bundles.web.templates.pages import PAGES
from bundles.web.templates.user_groups import groups_of
from rxkernel import RxKernelError

_CONTENT_TYPE = "text/html; charset=utf-8"


def render_html(client: Client, data: Any) -> Rendered:
    """Return *data* if it is str or bytes; else the page of the directory, or of the nearest
    parent that has one: ``html.template`` or ``html.jinja``, in a directory ``.ajax`` first
    ``ajax.template`` or ``ajax.jinja``. The page gets ``context.data``, to which the mapping
    *data* is added.

    Raises:
        RxKernelError: *data* has another type, or has no page, or the page failed.
    """
    if type(data) is str or isinstance(data, str | bytes):
        return data
    if data is not None and not isinstance(data, Mapping):
        raise _not_a_page(client, data, "return a text, or a mapping for a template")
    context = client.context.data
    if data is not None:
        context.update(data)
    directory = client.directory
    templates = client.chain.tree.templates
    names = PAGES.get(directory.extension.name, PAGES["html"])
    text = templates.render(directory.path, names, context, groups_of(client.request))
    if text is None and data is not None:
        hint = f"no template was found for it; write {names[0]}.template, or return a text"
        raise _not_a_page(client, data, hint)
    return text


def _not_a_page(client: Client, data: Any, hint: str) -> RxKernelError:
    return RxKernelError(f"{client.chain.name} returned {type(data).__name__}; {hint}")


HTML = Extension("html", _CONTENT_TYPE, render_html)
AJAX = Extension("ajax", _CONTENT_TYPE, render_html)
