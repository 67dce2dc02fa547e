"""The pages of errors: ``.404.html``, ``.403.html`` … of the nearest directory that has one."""

import asyncio
import logging
from pathlib import Path
from urllib.parse import unquote

from bundles.autoload.places.nearest_pages import nearest_page
from rxkernel import HttpException, Request, Response

logger = logging.getLogger(__name__)


class ErrorPages:
    """Finds the pages.

    Args:
        root: the folder ``app``.
        prefix: the setting ``http.prefix``.
    """

    def __init__(self, root: Path, prefix: str) -> None:
        self._root = str(root)
        self._prefix = prefix

    async def page_for(self, request: Request, error: Exception) -> Response | None:
        """Return the page for *error*, with its status and its headers; None if there is none, or
        if the client does not accept HTML. An exception without a status is 500."""
        if "text/html" not in ",".join(request.headers.getall("Accept", ())).lower():
            return None
        status = error.status_code if isinstance(error, HttpException) else 500
        path = unquote(request.url.partition("?")[0]).removeprefix(self._prefix)
        name = f".{status}.html"
        page = await asyncio.to_thread(nearest_page, self._root, path[1:], name, status)
        if page is not None and isinstance(error, HttpException):
            page.headers.update(error.headers)
        return page
