"""Responds to errors with the pages of directories."""

from bundles.web.directories.chain import Chain
from bundles.web.files.error_pages import ErrorPages
from bundles.web.files.web_files import WebFiles
from bundles.web.templates.pages import PAGES
from rxkernel import ExceptionEvent, KernelEvents, Request, Transport, observe

_LATER = -150
"""After the handlers ``error``, and before the templates ``error``."""


class ErrorPageFiles:
    """Sets the page of an error of a handler, of a file, and of a path without a route."""

    def __init__(self, pages: ErrorPages) -> None:
        self._pages = pages

    @observe(KernelEvents.KERNEL_EXCEPTION, priority=_LATER)
    async def respond(self, event: ExceptionEvent) -> None:
        if _is_of_page(event.request):
            page = await self._pages.page_for(event.request, event.exception)
            if page is not None:
                event.set_response(page)


def _is_of_page(request: Request) -> bool:
    definition = request.definition
    if definition is None:
        return request.transport is Transport.HTTP
    target = definition.metadata.target
    if isinstance(target, Chain):
        return target.directory.extension.name in PAGES
    return isinstance(target, WebFiles)
