"""Error pages from the template ``error``."""

import logging
from http import HTTPStatus
from typing import Any

from injector import inject

from bundles.web.directories.directories_place import Directories
from bundles.web.directories.directory import Directory
from bundles.web.directories.error_targets import expects_page
from bundles.web.directories.handler_chain import Chain
from bundles.web.request_path import path_of
from bundles.web.templates.pages import ERROR_PAGE, PAGES
from bundles.web.templates.template_error import TemplateError
from bundles.web.templates.user_groups import groups_of
from rxkernel import (
    ExceptionEvent,
    KernelEvents,
    Request,
    Response,
    Settings,
    error_response,
    observe,
    vary,
)

logger = logging.getLogger(__name__)

_LAST = -200
"""The priority after the handlers ``error`` and the files ``.404.html``."""


class ErrorTemplates:
    """Responds to errors with the nearest ``error.template`` or ``error.jinja``, if the client
    accepts HTML. The template gets the texts ``title`` and ``message``, and the number ``status``.
    """

    @inject
    def __init__(self, directories: Directories, settings: Settings) -> None:
        self._directories = directories
        self._prefix = settings.http.prefix
        self._debug = settings.debug

    @observe(KernelEvents.KERNEL_EXCEPTION, priority=_LAST)
    async def respond(self, event: ExceptionEvent) -> None:
        """Set the page. If no template exists, or it fails, which is logged, the standard error is
        sent."""
        if not expects_page(event.request):
            return
        directory = self._directory_of(event.request)
        if directory.extension.name not in PAGES:
            return
        response = error_response(event.exception, debug=self._debug)
        try:
            text = self._text(event.request, directory, response)
        except TemplateError as error:
            logger.error("the template for the error %d failed: %s", response.status_code, error)
            logger.debug("the traceback of the template", exc_info=True)
            return
        if text is not None:
            event.set_response(_page(text, response))

    def _text(self, request: Request, directory: Directory, response: Response) -> str | None:
        status, content = response.status_code, response.content
        data = {"title": _title(status), "message": content["message"], "status": status}
        templates = self._directories.tree.templates
        return templates.render(directory.path, ERROR_PAGE, data, groups_of(request))

    def _directory_of(self, request: Request) -> Directory:
        """Return the directory of *request*; for files and unknown paths, the nearest one."""
        target: Any = None if request.definition is None else request.definition.metadata.target
        if isinstance(target, Chain):
            return target.directory
        return self._directories.tree.nearest(path_of(request, self._prefix))


def _title(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"{status} Error"


def _page(text: str, response: Response) -> Response:
    page = Response(text, response.status_code, response.headers)
    page.headers["Content-Type"] = "text/html; charset=utf-8"
    vary(page.headers, "Accept")
    return page
