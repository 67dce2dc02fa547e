"""The endpoints of the running application: their definitions and wrappers."""

import logging
from collections.abc import Awaitable, Callable, Collection, Iterable
from functools import partial
from importlib import import_module

from injector import Injector, inject

from bundles.autoload.autoload import Autoload
from bundles.autoload.endpoints.application_users import ApplicationUsers
from bundles.autoload.endpoints.code_call import CodeCall
from bundles.autoload.endpoints.endpoint import Endpoint, Hook
from bundles.autoload.endpoints.routes import Routes, routes_of
from bundles.autoload.loading.scope import enter_scope, leave_scope
from bundles.autoload.loading.snapshot import Snapshot
from bundles.autoload.places.tasks import TaskFile
from bundles.contracts import Contracts
from rxkernel import (
    BootstrapEvent,
    Bundle,
    ConfigurationError,
    Definition,
    DefinitionEvent,
    HttpMetadata,
    Kernel,
    KernelEvents,
    ProcedureMetadata,
    Request,
    Response,
    RouteMetadata,
    Transport,
    WebSocketMetadata,
    observe,
    paused_collection,
)

_INSIDE = 1000
"""The priority in ``kernel.definition``: before other listeners wrap the action."""

_OUTSIDE = -1000
"""The priority of the outermost wrapper, so that all other wrappers read the snapshot too."""

logger = logging.getLogger(__name__)

Handler = Callable[[Request], Awaitable[Response]]


def _is_endpoint(definition: Definition) -> bool:
    return isinstance(definition.metadata.target, Endpoint)


def _is_autoloaded(definition: Definition) -> bool:
    return isinstance(definition.metadata.target, Endpoint | Hook | TaskFile)


class _Served:
    """Whether a route is served. A message may begin just after its route was removed; it reads
    the last snapshot that has the route.
    """

    __slots__ = ("last",)

    def __init__(self) -> None:
        self.last: Snapshot | None = None


class Endpoints:
    """Publishes the endpoints of snapshots.

    A reload calls `routes_of` with the next snapshot, passes their `Routes.changes_since` to
    `Application.reload`, and calls `replace` when they are swapped.

    Attributes:
        routes: the routes that are served.
    """

    @inject
    def __init__(
        self, autoload: Autoload, kernel: Kernel, contracts: Contracts, injector: Injector
    ) -> None:
        self.routes = Routes()
        self._served: dict[int, _Served] = {}
        self._autoload = autoload
        self._kernel = kernel
        self._contracts = contracts
        self._injector = injector
        self._bundles: Collection[str] = ()
        self._users: ApplicationUsers | None = None

    def routes_of(self, snapshot: Snapshot) -> Routes:
        """Return the routes of *snapshot*, see `routes_of`."""
        return routes_of(
            snapshot,
            self.routes,
            bundles=self._bundles,
            transports=(Transport.HTTP, Transport.SOCKET, *self._kernel.compiler.transports),
            users=self._users,
            places=self._autoload.places,
        )

    def prepare(self, event: BootstrapEvent) -> None:
        """Read the enabled bundles, before the first snapshot is loaded."""
        self._bundles = {one.name for one in event.services if isinstance(one, Bundle)}
        if "security" in self._bundles:  # only then, since the module requires an extra
            module = import_module("bundles.autoload.endpoints.security_rules")
            self._users = module.users_of(self._injector)
        self._autoload.problems_of = self._problems_of

    def _problems_of(self, snapshot: Snapshot) -> Collection[str]:
        try:
            self.routes_of(snapshot)
        except ConfigurationError as error:
            return error.problems
        return ()

    def publish(self, snapshot: Snapshot, event: BootstrapEvent) -> None:
        """Add the routes of the first snapshot.

        Raises:
            ConfigurationError: lists every error.
        """
        with paused_collection():
            self.routes = self.routes_of(snapshot)
        _log_hidden(self.routes.hidden)
        self._log_unreachable(self.routes)
        for route in self.routes:
            if isinstance(route, HttpMetadata):
                event.http_metadata_storage.add(route)
            elif isinstance(route, WebSocketMetadata):
                event.websocket_metadata_storage.add(route)
            elif isinstance(route, ProcedureMetadata):
                event.procedure_metadata_storage.add(route)
        self._report_swap()

    def _report_swap(self) -> None:
        for place in self._autoload.places:
            place.swapped(self.routes.of_place(place))

    def replace(self, routes: Routes, previous: Snapshot) -> None:
        """Note that *routes* are served now, instead of those of *previous*."""
        _log_hidden(routes.hidden - self.routes.hidden)
        self._log_unreachable(routes.changes_since(self.routes)[0])
        self.routes = routes
        self._report_swap()
        present = set(map(id, routes))
        for number in self._served.keys() - present:
            self._served.pop(number).last = previous

    @observe(KernelEvents.KERNEL_DEFINITION, priority=_INSIDE, only=_is_endpoint)
    async def connect(self, event: DefinitionEvent) -> None:
        """Set the `CodeCall` of the endpoint, so that code can call it."""
        endpoint = event.definition.metadata.target
        endpoint.code_call = CodeCall(
            endpoint.code_name, event, self._kernel, self._contracts, self._autoload.scope
        )

    @observe(KernelEvents.KERNEL_DEFINITION, priority=_OUTSIDE, only=_is_autoloaded)
    async def enter_scope(self, event: DefinitionEvent) -> None:
        """Wrap the action so that its message reads one snapshot, from the first check to the
        end."""
        served = self._served[id(event.definition.metadata)] = _Served()
        event.wrap_handler(partial(self._scoped, served))

    def _scoped(self, served: _Served, handler: Handler) -> Handler:
        scope_of = self._autoload.scope

        async def scoped(request: Request) -> Response:
            scope = scope_of(request, served.last)
            token = enter_scope(scope)
            try:
                return await handler(request)
            finally:
                leave_scope(token)

        return scoped

    def _log_unreachable(self, routes: Iterable[RouteMetadata]) -> None:
        """Warn about *routes* that need a user, if the application has no users."""
        users = self._users
        found = {
            route.source
            for route in routes
            if users is not None
            and isinstance(route.target, Endpoint | Hook)
            and users.cannot_pass(route.target.access)
        }
        if found:
            logger.warning(
                "%s: refused for all clients, since access needs a user, but the application has "
                "no users; write create_application(users=…) in app.py",
                ", ".join(sorted(map(str, found))),
            )


def _log_hidden(names: Collection[str]) -> None:
    if names:
        logger.info(
            "%s: can be called only with a version, since the highest version of the unit does "
            "not have it",
            ", ".join(sorted(names)),
        )
