"""Renders a page; an error has the file and the line."""

import re
from collections.abc import Collection, Mapping
from types import TracebackType
from typing import Any

from jinja2 import Template, TemplateNotFound, UndefinedError

from bundles.web.templates.template_error import TemplateError
from bundles.web.templates.translation import ELEMENT, INDEX
from bundles.web.templates.values import ValueTextError
from rxkernel import HttpException
from rxkernel.exception_text import summary_of
from rxkernel.nearest import nearest

_OF_TEMPLATES = (ValueTextError, RecursionError, TemplateNotFound, UndefinedError)
"""Errors that belong to a line of a template; others are raised by the code of a value."""

_UNDEFINED = re.compile(r"'(.+)' is undefined")


def render(page: Template, data: Mapping[str, Any], paths: Collection[str]) -> str:
    """Return the text of *page* for *data*. *paths* are the paths of all templates.

    Raises:
        TemplateError: has the path and the line.
        HttpException: raised by the code of a value, unchanged.
    """
    try:
        return page.render(data, **{ELEMENT: data, INDEX: None})
    except HttpException:
        raise
    except Exception as exc:
        place = _place(exc.__traceback__, paths) or page.filename
        error = TemplateError(f"{place}: {_reason(exc, data)}")
        error.has_place = isinstance(exc, _OF_TEMPLATES) or not isinstance(data, Mapping)
        raise error from exc


def _place(traceback: TracebackType | None, paths: Collection[str]) -> str | None:
    """Return the last place in *traceback* that is in a template: Jinja2 writes their lines
    there."""
    place = None
    while traceback is not None:
        if (path := traceback.tb_frame.f_code.co_filename) in paths:
            place = f"{path}:{traceback.tb_lineno}"
        traceback = traceback.tb_next
    return place


def _reason(exc: Exception, data: Any) -> str:
    if not isinstance(data, Mapping):
        return f"the data of a page must be a mapping, not a {type(data).__name__}"
    if unusable := [key for key in data if not isinstance(key, str)]:
        return f"the keys of a page's data must be str, not {unusable[0]!r}"
    if isinstance(exc, ValueTextError):
        return str(exc)
    if isinstance(exc, RecursionError):
        return "templates include one another without end, or too deeply"
    if isinstance(exc, TemplateNotFound):
        return f"template {exc.message!r} was not found"
    if isinstance(exc, UndefinedError):
        name = _UNDEFINED.fullmatch(str(exc))
        near = nearest(name[1], tuple(data)) if name else None
        return f"{exc}; did you mean {near!r}?" if near else str(exc)
    return summary_of(exc)
