"""Responds to errors of static files with the pages of directories."""

from bundles.web.files.error_pages import ErrorPages
from bundles.web.files.web_files import WebFiles
from rxkernel import ExceptionEvent, KernelEvents, Transport, observe

_LATE = -100
"""After the listeners that change exceptions."""


class FileErrors:
    """Sets the page of an error of a file, and of a path without a route."""

    def __init__(self, pages: ErrorPages) -> None:
        self._pages = pages

    @observe(KernelEvents.KERNEL_EXCEPTION, priority=_LATE)
    async def respond(self, event: ExceptionEvent) -> None:
        request = event.request
        definition = request.definition
        if request.transport is not Transport.HTTP:
            return
        if definition is None or isinstance(definition.metadata.target, WebFiles):
            page = await self._pages.page_for(request, event.exception)
            if page is not None:
                event.set_response(page)
