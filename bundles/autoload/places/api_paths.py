"""Handles paths below ``/api``, which the route of static files also matches."""

from collections.abc import Callable
from urllib.parse import quote

from rxkernel import (
    Compiled,
    CompiledEvent,
    ExceptionEvent,
    KernelEvents,
    MethodNotAllowedException,
    NotFoundException,
    observe,
)

_OF_FILES = {"GET", "HEAD", "OPTIONS"}
_API = "api"

_EARLY = 100
"""The priority before the listeners that set the body of an error."""


class ApiPaths:
    """Finds the errors for paths that only the route of files matches.

    Args:
        prefix: the setting ``http.prefix``.
        files: the name of the route of files.
        handles: whether a bundle has called `HttpServer.handle` with a path.
        folder: the first folder of the paths of the API; None if the application has no API.
    """

    def __init__(
        self,
        prefix: str,
        files: str,
        handles: Callable[[str], bool],
        folder: str | None = _API,
    ) -> None:
        self._folder = folder
        self._prefix = prefix
        self._files = files
        self._handles = handles
        self._compiled = Compiled()

    def contain(self, path: str) -> bool:
        """Whether *path*, which has no leading slash, belongs to the API."""
        return self._folder is not None and path.partition("/")[0] == self._folder

    def is_handled(self, path: str) -> bool:
        """Whether a bundle responds to POST of *path*, such as ``metacom.rpc_path``."""
        return self._handles(f"{self._prefix}/{quote(path)}")

    def methods_of(self, path: str) -> set[str]:
        """Return the methods of *path*, except those that every file has."""
        methods = {*self._compiled.http_router.allowed(f"/{quote(path)}")} - _OF_FILES
        if self.is_handled(path):
            methods.add("POST")
        return methods

    def error_for(self, path: str) -> NotFoundException | MethodNotAllowedException:
        """Return the error for a GET of *path*: 405 if it has routes for other methods."""
        methods = self.methods_of(path)
        if not methods:
            return NotFoundException()
        return MethodNotAllowedException(
            headers={"Allow": ", ".join(sorted((*methods, "OPTIONS")))}
        )

    @observe(KernelEvents.KERNEL_COMPILED)
    async def compiled(self, event: CompiledEvent) -> None:
        self._compiled = event.compiled

    @observe(KernelEvents.KERNEL_EXCEPTION, priority=_EARLY)
    async def hide_files(self, event: ExceptionEvent) -> None:
        """Respond with 404 instead of 405 to a method that files do not support, at a path that
        only
        files have: from a 405, a client of the API would conclude that the path exists."""
        request, error = event.request, event.exception
        if request.definition is not None or not isinstance(error, MethodNotAllowedException):
            return
        path = request.url.partition("?")[0].removeprefix(self._prefix)
        allowed = {*error.headers.get("Allow", "").split(", ")}
        if allowed <= _OF_FILES and self.contain(path[1:]) and self.only_files_have(path):
            event.set_exception(NotFoundException())

    def only_files_have(self, path: str) -> bool:
        """Whether the route of files handles GET of *path*, not that of a controller."""
        found = self._compiled.http_router.find("GET", path)
        return found is not None and found[0].metadata.name == self._files
