"""With debug, a 404 reports that the last change of the files is not loaded."""

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
"""The priority after `ApiPaths`, and before the listeners that set the body of an error."""


class NotLoaded:
    """Explains why a new endpoint is not found: while a file has an error, no change is loaded."""

    @inject
    def __init__(self, live_reload: LiveReload, settings: Settings) -> None:
        self._live_reload = live_reload
        self._is_debug = settings.debug
        self._api = f"{settings.http.prefix}/api/"

    @observe(KernelEvents.KERNEL_EXCEPTION, priority=_EARLY)
    async def explain(self, event: ExceptionEvent) -> None:
        """Add the first error of the last change to a 404 that could be for an endpoint."""
        if not self._is_debug or not isinstance(event.exception, NotFoundException):
            return
        problems = self._live_reload.problems
        if problems and self._may_be_endpoint(event.request):
            more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
            event.set_exception(
                NotFoundException(f"the last change is not loaded: {problems[0]}{more}")
            )

    def _may_be_endpoint(self, request: Request) -> bool:
        """Whether *request* could be for an endpoint, and only the route of files matches it, or
        none."""
        definition = request.definition
        if definition is not None and not isinstance(definition.metadata.target, Site):
            return False
        if request.transport != Transport.HTTP or request.url.startswith(self._api):
            return True
        return definition is None and request.route_name is not None  # by `HttpServer.handle`
