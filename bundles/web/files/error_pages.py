"""The pages of errors: ``.404.html``, ``.403.html`` … of the nearest directory that has one."""

import asyncio
import logging
from pathlib import Path

from bundles.autoload.places.nearest_pages import nearest_page
from bundles.web.request_path import path_of
from rxkernel import Request, Response, error_response

logger = logging.getLogger(__name__)


class ErrorPages:
    """Finds the pages of errors.

    Args:
        root: the folder ``app``.
        prefix: the setting ``http.prefix``.
    """

    def __init__(self, root: Path, prefix: str) -> None:
        self._root = str(root)
        self._prefix = prefix

    async def page_for(self, request: Request, error: Exception) -> Response | None:
        """Return the page for *error*, with its status and its headers; None if none exists."""
        standard = error_response(error)
        status = standard.status_code
        path = path_of(request, self._prefix)
        name = f".{status}.html"
        page = await asyncio.to_thread(nearest_page, self._root, path[1:], name, status)
        if page is not None:
            for name, value in standard.headers.items():
                page.headers.setdefault(name, value)
        return page
