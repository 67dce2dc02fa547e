"""Putting an application together from its parts: all of boot that does not await."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from inspect import isroutine
from types import MappingProxyType, ModuleType
from typing import Any

import attrs
from injector import Binder, InstanceProvider

from rxkernel.application.app_settings import refuse_clashes
from rxkernel.application.bundle import Bundle
from rxkernel.application.bundle_building import build_bundles, unread_settings
from rxkernel.application.discovery import Given, resolve
from rxkernel.application.health import HealthController, refuse_taken
from rxkernel.application.observers import Observers
from rxkernel.application.overrides import Overrides
from rxkernel.application.services import Services
from rxkernel.events.dispatcher import AsyncEventDispatcher, describe
from rxkernel.events.observe import observations
from rxkernel.exceptions import ConfigurationError
from rxkernel.kernel.kernel import Kernel
from rxkernel.kernel.propagator import Propagator, extract_of
from rxkernel.kernel.scopes import connection_at_hand, request_at_hand
from rxkernel.messages.connection import Broadcaster, Connection
from rxkernel.messages.request import Request
from rxkernel.messages.transport import Transport
from rxkernel.routing.converters import Converter, own_kinds
from rxkernel.routing.decorators import routes_of
from rxkernel.routing.metadata import HttpMetadata, RouteMetadata
from rxkernel.routing.storage import (
    HttpMetadataStorage,
    ProcedureMetadataStorage,
    WebSocketMetadataStorage,
)
from rxkernel.routing.storages import MetadataStorages
from rxkernel.routing.targets import name_of_target
from rxkernel.servers.access_log import PROBE
from rxkernel.servers.aiohttp.server import HttpServer
from rxkernel.servers.aiohttp.site import HttpSite
from rxkernel.servers.manager import ServerManager
from rxkernel.servers.socketio.server import SocketioServer
from rxkernel.settings import Settings

_OPTIONS = ("public", PROBE)
"""The keys of options that the framework's own routes have, see `HealthController`."""


@attrs.frozen(eq=False, kw_only=True)
class Parts:
    """What an application is made of."""

    bundles: tuple[Given, ...]
    controllers: tuple[Any, ...]
    listeners: tuple[Any, ...]
    modules: tuple[Any, ...]
    settings: Settings
    settings_class: type[Any] | None
    application: object
    dispatcher: AsyncEventDispatcher
    storages: MetadataStorages
    options: tuple[str, ...] = ()
    converters: Mapping[str, Converter] = MappingProxyType({})
    overrides: Overrides = MappingProxyType({})


class Assembly:
    """The services, listeners, kernel and servers of one boot.

    Attributes:
        controllers: the instances by class.
        registered: the controllers as they were given, by identity.
        observers: what was registered with the dispatcher.
    """

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.controllers: dict[type, object] = {}
        self.registered: dict[int, Any] = {}
        self._unbuilt: set[type] = set()
        self.observers = Observers(parts.dispatcher)
        self.bundles: list[Bundle] = []
        settings = parts.settings
        self._http = HttpServer(settings)
        self.services = Services(self._bind_core, parts.overrides)
        self._injector = self.services.injector
        self._options = {*_OPTIONS, *parts.options}
        self._transports: set[Transport] = set()
        kinds, problems = own_kinds(parts.converters)
        self.services.problems += problems
        self.kernel = Kernel(
            parts.dispatcher,
            self.controllers,
            threads=parts.settings.threads,
            container=self.services,
            debug=parts.settings.debug,
            request_timeout=parts.settings.request_timeout,
            options=self._options,
            transports=self._transports,
            kinds=kinds,
            site=HttpSite(parts.settings.http),
        )
        self.servers = ServerManager(
            parts.dispatcher, parts.settings.shutdown_timeout, parts.settings.shutdown_delay
        )

    def _bind_core(self, binder: Binder) -> None:
        parts = self.parts
        for cls in type(parts.application).__mro__[:-1]:  # `Application`, without importing it
            binder.bind(cls, to=parts.application)
        binder.bind(Settings, to=parts.settings)
        binder.bind(AsyncEventDispatcher, to=parts.dispatcher)
        binder.bind(HttpMetadataStorage, to=parts.storages.http)
        binder.bind(WebSocketMetadataStorage, to=parts.storages.websocket)
        binder.bind(ProcedureMetadataStorage, to=parts.storages.procedure)
        binder.bind(Broadcaster, to=Broadcaster())
        binder.bind(Propagator, to=Propagator())
        binder.bind(Kernel, to=lambda: self.kernel)
        binder.bind(ServerManager, to=lambda: self.servers)
        binder.bind(HttpServer, to=self._http)
        if parts.settings.socketio.enabled:
            binder.bind(SocketioServer, to=lambda: self._socketio)
        else:  # for ``SocketioServer | None``, of which the injector sees no more than the class
            binder.bind(SocketioServer, to=InstanceProvider(None))
        binder.bind(Request, to=request_at_hand)
        binder.bind(Connection, to=connection_at_hand)  # type: ignore[type-abstract]

    @cached_property
    def _socketio(self) -> SocketioServer:
        """Made when first asked for: a module may have bound another `Broadcaster`."""
        broadcaster = self._injector.get(Broadcaster)
        parts = self.parts
        return SocketioServer(parts.settings, self._http, parts.dispatcher, broadcaster)

    def assemble(self) -> None:
        """Do it all, going on after a mistake where that tells more.

        Raises:
            ConfigurationError: with every problem found.
        """
        self._build()
        if self.services.problems:
            with self.services.collecting("the routes"):
                routes = [r for r in self.parts.storages.all() if not self._is_unbuilt(r.target)]
                self.kernel.compiler.bind(routes, self.controllers, self.kernel.compiled)
            raise ConfigurationError(*dict.fromkeys(self.services.problems))

    def _is_unbuilt(self, target: object) -> bool:
        return isinstance(target, type) and target in self._unbuilt

    def _build(self) -> None:
        parts, services = self.parts, self.services
        services.bind_app_settings(parts.settings_class, parts.settings)
        self.bundles += build_bundles(self._injector, resolve(parts.bundles), parts.settings)
        for bundle in self.bundles:
            self._options.update(bundle.options)
            self._transports.update(bundle.transports)
        services.problems += unread_settings(parts.settings, self.bundles)
        services.problems += refuse_clashes(parts.settings_class, self.bundles)
        services.install(parts.modules)
        self._refuse_other_applications()
        services.wrap_async_providers()
        services.note_instances()
        health = (HealthController,) if parts.settings.health else ()
        of_bundles = (c for b in self.bundles for c in b.controllers)
        controllers = _each_once(*of_bundles, *parts.controllers, *health)
        listeners = (*(x for b in self.bundles for x in (b, *b.listeners)), *parts.listeners)
        classes = [c for c in controllers if isinstance(c, type)]
        self.controllers.update(services.build(classes))
        self._unbuilt = set(classes) - self.controllers.keys()
        servers = [s for b in self.bundles for s in b.servers]
        self._transports.update(s.transport for s in servers if hasattr(s, "transport"))
        built = services.build((*listeners, *servers))
        services.add_resolvers(self.bundles)
        services.build_rest()
        services.check_wiring()
        with services.collecting("Propagator"):
            self.kernel.extract = extract_of(self._injector.get(Propagator))
        for listener in listeners:
            if listener in built:
                self._observe(built[listener])
        for controller in controllers:
            self._add_controller(controller)
        self._add_servers([built[server] for server in servers if server in built])

    def _refuse_other_applications(self) -> None:
        """An application that is bound as a service would be built, and booted, beside this."""
        cls, own = type(self.parts.application), self.parts.application
        provider = self._injector.binder.get_binding(cls)[0].provider
        if not (isinstance(provider, InstanceProvider) and provider.get(self._injector) is own):
            self.services.problems.append(
                f"a module binds {cls.__qualname__}, which would be another application; remove "
                f"that: the application itself can be injected everywhere"
            )

    def _add_controller(self, controller: Any) -> None:
        """Read the routes and the listeners of a class, an instance or a module."""
        self.registered[id(controller)] = controller
        with self.services.collecting(name_of_target(controller)):
            self.parts.storages.extend(self._routes_of(controller))
        instance = self.instance_of(controller)
        if instance is not None and not isinstance(instance, ModuleType):
            self._observe(instance, may_be_silent=True)

    def instance_of(self, controller: Any) -> Any:
        """The instance of a controller class, None where it could not be built; others as they
        are."""
        return self.controllers.get(controller) if isinstance(controller, type) else controller

    def _routes_of(self, controller: Any) -> Iterator[RouteMetadata | ConfigurationError]:
        for route in routes_of(controller):
            if controller is HealthController and isinstance(route, HttpMetadata):
                try:
                    refuse_taken(route, self.parts.storages.http)
                except ConfigurationError as error:
                    yield error
                    continue
            yield route

    def _observe(self, listener: object, *, may_be_silent: bool = False) -> None:
        if self.observers.know(listener):
            return  # given as a controller and as a listener
        found = tuple(observations(listener))
        if not found and not may_be_silent and not isinstance(listener, Bundle):
            self.services.problems.append(
                f"listener {type(listener).__qualname__} listens to nothing; "
                f"put @observe(event_name) on its methods"
            )
        for method, observation in found:
            with self.services.collecting(describe(method)):
                self.observers.add(method, observation)

    def check_controllers(self) -> None:
        """Refuse a controller that nothing reaches: neither a route nor an event.

        Raises:
            ConfigurationError: with every such controller.
        """
        reached = {id(route.target) for route in self.parts.storages.all()}
        idle = [
            controller
            for controller in _each_once(*self.controllers, *self.parts.controllers)
            if id(controller) not in reached
            and not any(observations(self.instance_of(controller)))
        ]
        if idle:
            raise ConfigurationError.merge(map(no_route, idle))

    def _add_servers(self, of_bundles: list[Any]) -> None:
        self.servers.add(self._http)
        if self.parts.settings.socketio.enabled:
            self.servers.add(self._socketio)
        for server in of_bundles:
            with self.services.collecting(type(server).__qualname__):
                self.servers.add(server)


def _each_once(*things: Any) -> list[Any]:
    """Without repetitions; of instances, some cannot be hashed."""
    return list({id(thing): thing for thing in things}.values())


def no_route(controller: Any) -> ConfigurationError:
    """The error for a *controller* that nothing reaches."""
    if isroutine(controller):
        name = controller.__name__
        return ConfigurationError(
            f"controller {describe(controller)} is a function, not a controller; give its "
            f"module, Application(controllers=[{controller.__module__}]), or add its route: "
            f"application.http_metadata_storage.add("
            f'HttpMetadata({name}, "name", "/path", "GET", {name}))'
        )
    return ConfigurationError(
        f"controller {name_of_target(controller)} has no route; put @http or @websocket on its "
        f"methods, or add its routes to a metadata storage"
    )
