"""The errors of methods other than GET for paths without a file."""

from injector import inject

from bundles.web.directories.directories_place import Directories
from bundles.web.request_path import path_of
from rxkernel import (
    ExceptionEvent,
    KernelEvents,
    MethodNotAllowedException,
    Settings,
    observe,
)

_EARLY = 100
"""Before the listeners that give errors a body."""


class MissingFiles:
    """Replaces the 405 of a path for which only the route of files has GET: without a file it is
    404, or 405 with the methods of handlers."""

    @inject
    def __init__(self, directories: Directories, settings: Settings) -> None:
        self._directories = directories
        self._files = directories.environment.files
        self._prefix = settings.http.prefix

    @observe(KernelEvents.KERNEL_EXCEPTION, priority=_EARLY)
    async def hide(self, event: ExceptionEvent) -> None:
        request, error = event.request, event.exception
        if request.definition is not None or not isinstance(error, MethodNotAllowedException):
            return
        path = request.url.partition("?")[0].removeprefix(self._prefix)
        files = self._files
        if not files.api.only_files_have(path):
            return
        name = path_of(request, self._prefix)[1:]
        if not self._directories.tree.access.of_path(name).is_open:
            return  # the client must not learn which files exist
        if await files.existing(request, name) is None:
            event.set_exception(files.api.error_for(name))
