"""The static files of ``realtime.root_dir``, below the routes of controllers."""

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
"""Before the listeners that give errors a body."""


class ApiPaths:
    """Where the controllers of the application begin, and what is below.

    Args:
        prefix: the setting ``http.prefix``.
    """

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._begins: tuple[str, ...] = ()
        self._compiled = Compiled()

    def contain(self, path: str) -> bool:
        """Whether *path*, without a slash at its begin, is below the prefix of a controller."""
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
        """Respond with 404, and not 405, to another method for a path that only files have: a
        client of an API would take the path for an existing one."""
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
    """The files below *root*. A page of *fallback* is not sent for the paths of *api*."""

    api: ApiPaths = attrs.field(kw_only=True)

    def check(self) -> None:
        """As `StaticFiles.check`; the errors name the settings."""
        try:
            super().check()
        except ConfigurationError as error:
            hint = "set realtime.root_dir, or realtime.spa_fallback = false without index.html"
            raise ConfigurationError(*(f"{p} ({hint})" for p in error.problems)) from error

    def is_page(self, request: Request, path: str) -> bool:
        return not self.api.contain(path) and super().is_page(request, path)
