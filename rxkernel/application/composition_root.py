"""Builds the services, listeners, kernel and servers of an application: the part of boot that does
not await."""

import logging
from collections.abc import Iterable, Iterator
from functools import cached_property
from types import ModuleType
from typing import Any

from injector import Binder, InstanceProvider

from rxkernel.application.app_settings import report_clashes
from rxkernel.application.application_spec import ApplicationSpec
from rxkernel.application.bundle import Bundle
from rxkernel.application.bundle_building import build_bundles, unread_settings
from rxkernel.application.bundle_resolution import resolve_bundles
from rxkernel.application.health import HealthController, check_not_taken
from rxkernel.application.injector_container import InjectorContainer
from rxkernel.application.listener_registry import ListenerRegistry
from rxkernel.application.unused_parts import UnusedParts, procedures_without_bundle
from rxkernel.events.dispatcher import AsyncEventDispatcher, describe
from rxkernel.events.observe import observations
from rxkernel.exceptions import ConfigurationError
from rxkernel.kernel.kernel import Kernel
from rxkernel.kernel.propagator import Propagator, extract_of
from rxkernel.kernel.scopes import require_connection, require_request
from rxkernel.messages.broadcaster import Broadcaster
from rxkernel.messages.connection import Connection
from rxkernel.messages.peers import Peers
from rxkernel.messages.request import Request
from rxkernel.messages.transport import Transport
from rxkernel.routing.converters import own_kinds
from rxkernel.routing.decorators import routes_of
from rxkernel.routing.metadata import HttpMetadata, RouteMetadata
from rxkernel.routing.scalars import Scalar, Scalars
from rxkernel.routing.storage import (
    HttpMetadataStorage,
    ProcedureMetadataStorage,
    WebSocketMetadataStorage,
)
from rxkernel.routing.targets import name_of_target
from rxkernel.servers.access_log import PROBE, QUIET
from rxkernel.servers.aiohttp.server import HttpServer
from rxkernel.servers.aiohttp.site import HttpSite
from rxkernel.servers.manager import ServerManager
from rxkernel.servers.socketio.server import SocketioServer
from rxkernel.settings import Settings

logger = logging.getLogger(__name__)

_OPTIONS = (PROBE, QUIET)
"""The option keys that need not be declared."""


class CompositionRoot:
    """The services, listeners, kernel and servers of one boot.

    Attributes:
        controllers: the instances by class.
        registered: the controllers as passed, by identity.
        listener_registry: the listeners that were registered with the dispatcher.
    """

    def __init__(self, spec: ApplicationSpec) -> None:
        self.spec = spec
        self.controllers: dict[type, object] = {}
        self.registered: dict[int, Any] = {}
        self._unbuilt: set[type] = set()
        self._listeners: list[tuple[Any, object]] = []
        self.listener_registry = ListenerRegistry(spec.dispatcher)
        self.bundles: list[Bundle] = []
        self._http = HttpServer(spec.settings, spec.mounted_in, spec.share, spec.sockets)
        self.container = InjectorContainer(self._bind_core, spec.overrides)
        self._injector = self.container.injector
        self._options = {*_OPTIONS, *spec.options}
        self._transports: set[Transport] = set()
        kinds, problems = own_kinds(spec.converters)
        self.container.problems += problems
        self._scalars = Scalars()
        self._add_scalars("the application", spec.scalars)
        self.kernel = Kernel(
            spec.dispatcher,
            self.controllers,
            threads=spec.settings.threads,
            container=self.container,
            debug=spec.settings.debug,
            request_timeout=spec.settings.request_timeout,
            options=self._options,
            transports=self._transports,
            kinds=kinds,
            scalars=self._scalars,
            site=HttpSite(spec.settings.http),
        )
        self.servers = ServerManager(
            spec.dispatcher, spec.settings.shutdown_timeout, spec.settings.shutdown_delay
        )

    def _bind_core(self, binder: Binder) -> None:
        spec = self.spec
        for cls in type(spec.application).__mro__[:-1]:  # `Application`, without importing it
            binder.bind(cls, to=spec.application)
        binder.bind(Settings, to=spec.settings)
        binder.bind(AsyncEventDispatcher, to=spec.dispatcher)
        binder.bind(HttpMetadataStorage, to=spec.storages.http)
        binder.bind(WebSocketMetadataStorage, to=spec.storages.websocket)
        binder.bind(ProcedureMetadataStorage, to=spec.storages.procedure)
        binder.bind(Broadcaster, to=Broadcaster(self._to_plain))
        binder.bind(Peers, to=Peers())
        binder.bind(Propagator, to=Propagator())
        binder.bind(Kernel, to=lambda: self.kernel)
        binder.bind(ServerManager, to=lambda: self.servers)
        binder.bind(HttpServer, to=self._http)
        if spec.settings.socketio.enabled:
            binder.bind(SocketioServer, to=lambda: self._socketio)
        else:  # for ``SocketioServer | None``: the injector looks up the class alone
            binder.bind(SocketioServer, to=InstanceProvider(None))
        binder.bind(Request, to=require_request)
        binder.bind(Connection, to=require_connection)  # type: ignore[type-abstract]

    def _to_plain(self, value: Any) -> Any:
        return self.kernel.serializer.to_plain(value)

    @cached_property
    def _socketio(self) -> SocketioServer:
        """Built on first use: a module may have bound another `Broadcaster`."""
        broadcaster = self._injector.get(Broadcaster)
        spec = self.spec
        return SocketioServer(spec.settings, self._http, spec.dispatcher, broadcaster)

    def compose(self) -> None:
        """Build everything. After an error, continue to find more errors.

        Raises:
            ConfigurationError: with every problem found.
        """
        self._build()
        if self.container.problems:
            with self.container.collecting("the routes"):
                routes = [r for r in self.spec.storages.all() if not self._is_unbuilt(r.target)]
                self.kernel.compiler.bind(routes, self.controllers, self.kernel.compiled)
            raise ConfigurationError(*dict.fromkeys(self.container.problems))

    def _is_unbuilt(self, target: object) -> bool:
        return isinstance(target, type) and target in self._unbuilt

    def _build(self) -> None:
        spec, container = self.spec, self.container
        container.bind_app_settings(spec.settings_class, spec.settings)
        self.bundles += build_bundles(self._injector, resolve_bundles(spec.bundles), spec.settings)
        for bundle in self.bundles:
            self._options.difference_update(bundle.options)  # a set keeps equal plain keys
            self._options.update(bundle.options)
            self._transports.update(bundle.transports)
            self._add_scalars(f"bundle {bundle.name!r}", bundle.scalars)
        container.problems += unread_settings(spec.settings, self.bundles)
        if self._http.certificates is not None:
            with container.collecting("http.tls"):
                self._http.certificates.load()
        container.problems += report_clashes(spec.settings_class, self.bundles)
        container.install(spec.modules)
        self._report_other_applications()
        container.wrap_async_providers()
        container.note_instances()
        health = (HealthController,) if spec.settings.health else ()
        of_bundles = (c for b in self.bundles for c in b.controllers)
        controllers = _each_once(*of_bundles, *spec.controllers, *health)
        listeners = (*(x for b in self.bundles for x in (b, *b.listeners)), *spec.listeners)
        classes = [c for c in controllers if isinstance(c, type)]
        self.controllers.update(container.build(classes))
        self._unbuilt = set(classes) - self.controllers.keys()
        servers = [s for b in self.bundles for s in b.servers]
        self._transports.update(s.transport for s in servers if hasattr(s, "transport"))
        built = container.build((*listeners, *servers))
        container.add_resolvers(self.bundles)
        container.build_rest()
        container.check_wiring()
        with container.collecting("Propagator"):
            self.kernel.extract = extract_of(self._injector.get(Propagator))
        for listener in listeners:
            if listener in built:
                self._observe(built[listener])
                self._listeners.append((listener, built[listener]))
        for controller in controllers:
            self._add_controller(controller)
        self._add_servers([built[server] for server in servers if server in built])

    def _add_scalars(self, owner: str, scalars: Iterable[Scalar]) -> None:
        for scalar in scalars:
            with self.container.collecting(owner):
                self._scalars.add(scalar, owner)

    def _report_other_applications(self) -> None:
        """Report a module that binds the class of the application, so would build another."""
        cls, own = type(self.spec.application), self.spec.application
        provider = self._injector.binder.get_binding(cls)[0].provider
        if not (isinstance(provider, InstanceProvider) and provider.get(self._injector) is own):
            self.container.problems.append(
                f"a module binds {cls.__qualname__}, which would build a second application; "
                f"remove this binding: the application itself can be injected everywhere"
            )

    def _add_controller(self, controller: Any) -> None:
        """Read the routes and the listeners of a class, an instance or a module."""
        self.registered[id(controller)] = controller
        with self.container.collecting(name_of_target(controller)):
            self.spec.storages.extend(self._checked_routes_of(controller))
        instance = self.instance_of(controller)
        if instance is not None and not isinstance(instance, ModuleType):
            self._observe(instance, may_be_silent=True)

    def instance_of(self, controller: Any) -> Any:
        """The instance of a controller class, None if it could not be built; any other
        *controller* unchanged."""
        return self.controllers.get(controller) if isinstance(controller, type) else controller

    def routes_of(self, controller: Any) -> Iterator[RouteMetadata | ConfigurationError]:
        """Yield the routes of *controller*: its own, and those that bundles create for it."""
        yield from routes_of(controller)
        for bundle in self.bundles:
            try:
                yield from bundle.routes_of(controller)
            except ConfigurationError as error:
                yield error

    def _checked_routes_of(self, controller: Any) -> Iterator[RouteMetadata | ConfigurationError]:
        for route in self.routes_of(controller):
            if controller is HealthController and isinstance(route, HttpMetadata):
                try:
                    check_not_taken(route, self.spec.storages.http)
                except ConfigurationError as error:
                    yield error
                    continue
            yield route

    def _observe(self, listener: object, *, may_be_silent: bool = False) -> None:
        if self.listener_registry.has_listener_of(listener):
            return  # passed as a controller and as a listener
        found = tuple(observations(listener))
        if not found and not may_be_silent and not isinstance(listener, Bundle):
            self.container.problems.append(
                f"listener {type(listener).__qualname__} has no listener method; "
                f"put @observe(event_name) on its methods"
            )
        for method, observation in found:
            with self.container.collecting(describe(method)):
                self.listener_registry.add(method, observation)

    def check_controllers(self) -> None:
        """Check that each controller has a route or a listener, and that each option on a method
        has a route.

        Raises:
            ConfigurationError: with every other controller and option.
        """
        unused = UnusedParts(self.spec.storages.all())
        errors: list[ConfigurationError] = []
        for controller in _each_once(*self.controllers, *self.spec.controllers):
            errors += unused.errors_of_controller(controller, self.instance_of(controller))
        for listener, instance in self._listeners:
            errors += unused.errors_of_listener(listener, instance)
        if errors:
            raise ConfigurationError.merge(errors)

    def report_unserved(self) -> None:
        """Log the procedures of services whose bundle is not enabled. This is not an error, as it
        is for controllers: another machine with the same services may run them."""
        for text in procedures_without_bundle(self.container.singletons(), self._options):
            logger.warning("%s", text)

    def _add_servers(self, of_bundles: list[Any]) -> None:
        self.servers.add(self._http)
        if self.spec.settings.socketio.enabled:
            self.servers.add(self._socketio)
        for server in of_bundles:
            with self.container.collecting(type(server).__qualname__):
                self.servers.add(server)


def _each_once(*things: Any) -> list[Any]:
    """Remove repetitions, by identity: some instances cannot be hashed."""
    return list({id(thing): thing for thing in things}.values())
