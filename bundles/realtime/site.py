"""The static files of ``realtime.root_dir``, with a lower priority than the routes of
controllers."""

import attrs

from bundles.realtime.controller import Controller
from bundles.realtime.route_entry import OPTION
from rxkernel import (
    Compiled,
    CompiledEvent,
    ConfigurationError,
    ExceptionEvent,
    KernelEvents,
    MethodNotAllowedException,
    NotFoundException,
    Request,
    StaticFiles,
    observe,
)

_OF_FILES = {"GET", "HEAD", "OPTIONS"}

_EARLY = 100
"""The priority before the listeners that set the body of an error."""


class ApiPaths:
    """The paths below the prefixes of the controllers of the application.

    Args:
        prefix: the setting ``http.prefix``.
    """

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._begins: tuple[str, ...] = ()
        self._compiled = Compiled()

    def contain(self, path: str) -> bool:
        """Whether *path*, which has no leading slash, is below the prefix of a controller."""
        return f"/{path}/".startswith(self._begins)

    @observe(KernelEvents.KERNEL_COMPILED)
    async def compiled(self, event: CompiledEvent) -> None:
        """Read the prefixes of all controllers."""
        self._compiled = event.compiled
        owners = {d.metadata.owner for d in event.compiled.all if OPTION in d.options}
        prefixes = (o.controller_options.prefix for o in owners if issubclass(o, Controller))
        begins = (prefix.partition(":")[0].partition("{")[0] for prefix in prefixes)
        self._begins = tuple({f"{begin.rstrip('/')}/" for begin in begins} - {"/"})

    @observe(KernelEvents.KERNEL_EXCEPTION, priority=_EARLY)
    async def hide_files(self, event: ExceptionEvent) -> None:
        """Respond with 404 instead of 405 to a method that files do not support, at a path that
        only
        files have: from a 405, the client of an API would conclude that the path exists."""
        request, error = event.request, event.exception
        if request.definition is not None or not isinstance(error, MethodNotAllowedException):
            return
        allowed = set(error.headers.get("Allow", "").split(", "))
        if allowed <= _OF_FILES and self._is_file(request):
            event.set_exception(NotFoundException())

    def _is_file(self, request: Request) -> bool:
        path = request.url.partition("?")[0].removeprefix(self._prefix) or "/"
        found = self._compiled.http_router.find("GET", path)
        return found is not None and isinstance(found[0].metadata.target, Site)


@attrs.frozen(eq=False)
class Site(StaticFiles):
    """The files below *root*. The page *fallback* is not sent for paths of *api*."""

    api: ApiPaths = attrs.field(kw_only=True)

    def check(self) -> None:
        """Do the same as `StaticFiles.check`; the errors name the settings."""
        try:
            super().check()
        except ConfigurationError as error:
            hint = "set realtime.root_dir, or realtime.spa_fallback = false without index.html"
            raise ConfigurationError(*(f"{p} ({hint})" for p in error.problems)) from error

    def is_page(self, request: Request, path: str) -> bool:
        return not self.api.contain(path) and super().is_page(request, path)
