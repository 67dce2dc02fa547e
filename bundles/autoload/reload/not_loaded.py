"""With debug, a 404 says that the last change of the files is not loaded."""

from injector import inject

from bundles.autoload.places.site import Site
from bundles.autoload.reload.live_reload import LiveReload
from rxkernel import (
    ExceptionEvent,
    KernelEvents,
    NotFoundException,
    Request,
    Settings,
    Transport,
    observe,
)

_EARLY = 90
"""After `ApiPaths`, and before the listeners that give errors a body."""


class NotLoaded:
    """A new endpoint is not found while any file has a mistake, which only the log would show."""

    @inject
    def __init__(self, live_reload: LiveReload, settings: Settings) -> None:
        self._live_reload = live_reload
        self._is_debug = settings.debug
        self._api = f"{settings.http.prefix}/api/"

    @observe(KernelEvents.KERNEL_EXCEPTION, priority=_EARLY)
    async def explain(self, event: ExceptionEvent) -> None:
        """Add the first problem of the last change to a 404 of an endpoint."""
        if not self._is_debug or not isinstance(event.exception, NotFoundException):
            return
        problems = self._live_reload.problems
        if problems and self._may_be_endpoint(event.request):
            more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
            event.set_exception(
                NotFoundException(f"the last change is not loaded: {problems[0]}{more}")
            )

    def _may_be_endpoint(self, request: Request) -> bool:
        """Whether nothing was found for *request*, apart from the route of all files, and an
        endpoint could have been."""
        definition = request.definition
        if definition is not None and not isinstance(definition.metadata.target, Site):
            return False
        if request.transport != Transport.HTTP or request.url.startswith(self._api):
            return True
        return definition is None and request.route_name is not None  # of `HttpServer.handle`
