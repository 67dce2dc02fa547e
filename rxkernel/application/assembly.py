"""Putting an application together from its parts: all of boot that does not await."""

from typing import Any

import attrs
from injector import Binder

from rxkernel.application.bundle import Bundle
from rxkernel.application.discovery import Given, resolve
from rxkernel.application.events import ApplicationEvents
from rxkernel.application.health import HealthController, refuse_taken
from rxkernel.application.services import Services
from rxkernel.events.dispatcher import AsyncEventDispatcher, describe
from rxkernel.events.observe import Observation, observations
from rxkernel.exceptions import ConfigurationError
from rxkernel.kernel.events import KernelEvents
from rxkernel.kernel.kernel import Kernel
from rxkernel.kernel.scopes import connection_at_hand, request_at_hand
from rxkernel.messages.connection import Broadcaster, Connection
from rxkernel.messages.request import Request
from rxkernel.nearest import nearest
from rxkernel.routing.decorators import routes_of
from rxkernel.routing.metadata import HttpMetadata, RouteMetadata
from rxkernel.routing.storage import HttpMetadataStorage, WebSocketMetadataStorage
from rxkernel.servers.aiohttp.server import AiohttpServer
from rxkernel.servers.events import ServerEvents
from rxkernel.servers.manager import ServerManager
from rxkernel.servers.socketio.server import SocketioServer
from rxkernel.settings import Settings

_EVENTS = tuple(str(e) for e in (*ApplicationEvents, *KernelEvents, *ServerEvents))
_FAMILIES = {event.split(".")[0] for event in _EVENTS}


@attrs.frozen(eq=False, kw_only=True)
class Parts:
    """What an application is made of."""

    bundles: tuple[Given, ...]
    controllers: tuple[type, ...]
    listeners: tuple[Any, ...]
    modules: tuple[Any, ...]
    settings: Settings
    dispatcher: AsyncEventDispatcher
    http_metadata_storage: HttpMetadataStorage
    websocket_metadata_storage: WebSocketMetadataStorage

    def routes(self) -> tuple[RouteMetadata, ...]:
        """Every route in the storages."""
        return (*self.http_metadata_storage, *self.websocket_metadata_storage)

    def add(self, route: RouteMetadata) -> None:
        """Put *route* into the storage of its kind."""
        if isinstance(route, HttpMetadata):
            self.http_metadata_storage.add(route)
        else:
            self.websocket_metadata_storage.add(route)

    def put_back(self, routes: tuple[RouteMetadata, ...]) -> None:
        """Have the storages hold *routes* and nothing else."""
        self.http_metadata_storage.reset()
        self.websocket_metadata_storage.reset()
        for route in routes:
            self.add(route)


class Assembly:
    """The services, listeners, kernel and servers of one boot.

    ``observed`` lists what was registered with the dispatcher, to be taken back.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._controllers: dict[type, object] = {}
        self._unbuilt: set[type] = set()
        self.observed: list[tuple[str, Any]] = []
        self.bundles: list[Bundle] = []
        self.services = Services(self._bind_core)
        self._injector = self.services.injector
        self.kernel = Kernel(
            parts.dispatcher,
            self._controllers,
            threads=parts.settings.http.threads,
            provide=self.services.provider,
            debug=parts.settings.debug,
            request_timeout=parts.settings.request_timeout,
        )
        http = parts.settings.http
        self.servers = ServerManager(parts.dispatcher, http.shutdown_timeout, http.shutdown_delay)

    def _bind_core(self, binder: Binder) -> None:
        parts = self._parts
        binder.bind(Settings, to=parts.settings)
        binder.bind(AsyncEventDispatcher, to=parts.dispatcher)
        binder.bind(HttpMetadataStorage, to=parts.http_metadata_storage)
        binder.bind(WebSocketMetadataStorage, to=parts.websocket_metadata_storage)
        binder.bind(Broadcaster, to=Broadcaster())
        binder.bind(Kernel, to=lambda: self.kernel)
        binder.bind(ServerManager, to=lambda: self.servers)
        binder.bind(Request, to=request_at_hand)
        binder.bind(Connection, to=connection_at_hand)  # type: ignore[type-abstract]

    def assemble(self) -> None:
        """Do it all, going on after a mistake where that tells more.

        Raises:
            ConfigurationError: with every problem found.
        """
        self._build()
        if self.services.problems:
            with self.services.collecting("the routes"):
                self.kernel.bind(r for r in self._parts.routes() if r.target not in self._unbuilt)
            raise ConfigurationError(*dict.fromkeys(self.services.problems))

    def _build(self) -> None:
        parts, services = self._parts, self.services
        for found in resolve(parts.bundles):
            bundle = services.add_bundle(found, parts.settings)
            if bundle is not None:
                self.bundles.append(bundle)
        services.install(parts.modules)
        services.refuse_unawaited()
        services.note_instances()
        health = (HealthController,) if parts.settings.http.health else ()
        of_bundles = (c for b in self.bundles for c in b.controllers)
        controllers = (*of_bundles, *parts.controllers, *health)
        listeners = (*(x for b in self.bundles for x in (b, *b.listeners)), *parts.listeners)
        for controller in controllers:
            if not isinstance(controller, type):
                raise ConfigurationError(
                    f"controller {controller!r} is no class; give the class, boot builds it"
                )
        self._controllers.update(services.build(controllers))
        self._unbuilt = set(controllers) - self._controllers.keys()
        built = services.build((*listeners, *(s for b in self.bundles for s in b.servers)))
        services.build_rest()
        services.check_wiring()
        for listener in listeners:
            if listener in built:
                self._observe(built[listener])
        for controller in dict.fromkeys(controllers):
            if controller in self._controllers:
                self._observe(self._controllers[controller], may_be_silent=True)
            self._read_routes(controller)
        self._add_servers([built[s] for b in self.bundles for s in b.servers if s in built])

    def _observe(self, listener: object, *, may_be_silent: bool = False) -> None:
        found = tuple(observations(listener))
        if not found and not may_be_silent and not isinstance(listener, Bundle):
            self.services.problems.append(
                f"listener {type(listener).__qualname__} listens to nothing; "
                f"put @observe(event_name) on its methods"
            )
        for method, observation in found:
            with self.services.collecting(describe(method)):
                self._register(method, observation)

    def _register(self, method: Any, observation: Observation) -> None:
        name = observation.event_name
        if name.split(".")[0] in _FAMILIES and name not in _EVENTS:
            near = nearest(name, _EVENTS)
            cure = f"did you mean {near!r}?" if near else f"there is: {', '.join(_EVENTS)}"
            raise ConfigurationError(
                f"listener {describe(method)} waits for {name!r}, which is never sent; {cure}"
            )
        if observation.only is not None and name not in tuple(KernelEvents):
            raise ConfigurationError(
                f"listener {describe(method)} limits {name!r} with only=, which "
                f"chooses definitions; that is for the events of the kernel: leave it out"
            )
        self._parts.dispatcher.add_listener(name, method, observation.priority, observation.only)
        self.observed.append((name, method))

    def check_controllers(self) -> None:
        """Refuse a controller that nothing reaches: neither a route nor an event.

        Raises:
            ConfigurationError: with every such controller.
        """
        reached = {route.target for route in self._parts.routes()}
        idle = [c for c, i in self._controllers.items() if c not in reached and not _observes(i)]
        if idle:
            raise ConfigurationError(
                *(
                    f"controller {c.__qualname__} has no route; put @http or @websocket on its "
                    f"methods, or add its routes to a metadata storage"
                    for c in idle
                )
            )

    def _read_routes(self, controller: type) -> None:
        for route in routes_of(controller):
            with self.services.collecting(controller.__qualname__):
                if isinstance(route, ConfigurationError):
                    raise route
                if controller is HealthController and isinstance(route, HttpMetadata):
                    refuse_taken(route, self._parts.http_metadata_storage)
                self._parts.add(route)

    def _add_servers(self, of_bundles: list[Any]) -> None:
        settings = self._parts.settings
        http = AiohttpServer(settings.http, logs_access=settings.logging.access)
        self.servers.add(http)
        if settings.socketio.enabled:
            broadcaster = self._injector.get(Broadcaster)
            dispatcher = self._parts.dispatcher
            self.servers.add(SocketioServer(settings, http, dispatcher, broadcaster))
        for server in of_bundles:
            with self.services.collecting(type(server).__qualname__):
                self.servers.add(server)


def _observes(instance: object) -> bool:
    return any(True for _ in observations(instance))
