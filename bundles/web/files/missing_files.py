"""Other methods than GET for paths without a file."""

from urllib.parse import unquote

from injector import inject

from bundles.web.directories.place import Directories
from rxkernel import (
    ExceptionEvent,
    KernelEvents,
    MethodNotAllowedException,
    NotFoundException,
    Request,
    Settings,
    observe,
)

_EARLY = 100
"""Before the listeners that give errors a body."""


class MissingFiles:
    """Responds with 404, and not 405, to POST of a path that has neither a handler nor a file: the
    route of files has every path."""

    @inject
    def __init__(self, directories: Directories, settings: Settings) -> None:
        self._files = directories.environment.files
        self._prefix = settings.http.prefix

    @observe(KernelEvents.KERNEL_EXCEPTION, priority=_EARLY)
    async def hide(self, event: ExceptionEvent) -> None:
        request, error = event.request, event.exception
        if request.definition is not None or not isinstance(error, MethodNotAllowedException):
            return
        path = request.url.partition("?")[0].removeprefix(self._prefix)
        if self._files.api.only_files_have(path) and not await self._exists(request, path):
            event.set_exception(NotFoundException())

    async def _exists(self, request: Request, path: str) -> bool:
        found = await self._files.existing(request, unquote(path[1:]))
        return found is not None
