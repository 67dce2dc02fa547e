"""Responds to errors with the pages of directories."""

from bundles.web.directories.error_targets import expects_page
from bundles.web.files.error_pages import ErrorPages
from rxkernel import ExceptionEvent, KernelEvents, observe

_LATER = -150
"""After the handlers ``error``, and before the templates ``error``."""


class ErrorPageFiles:
    """Sets the page as the response to errors of handlers, of files, and of unknown paths."""

    def __init__(self, pages: ErrorPages) -> None:
        self._pages = pages

    @observe(KernelEvents.KERNEL_EXCEPTION, priority=_LATER)
    async def respond(self, event: ExceptionEvent) -> None:
        if expects_page(event.request):
            page = await self._pages.page_for(event.request, event.exception)
            if page is not None:
                event.set_response(page)
