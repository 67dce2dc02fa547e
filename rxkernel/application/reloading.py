"""`Application.reload`: changes the routes of a running application; after an error, nothing."""

import asyncio
from collections.abc import Iterable
from types import ModuleType
from typing import Any

from rxkernel.application.composition_root import CompositionRoot
from rxkernel.application.events import ApplicationEvents, ReloadEvent
from rxkernel.application.listener_registry import ObservedMethod
from rxkernel.application.unused_parts import UnusedParts
from rxkernel.events.dispatcher import describe
from rxkernel.events.observe import observations
from rxkernel.exceptions import ConfigurationError
from rxkernel.kernel.compiled import Compiled
from rxkernel.kernel.events import CompiledEvent
from rxkernel.kernel.pipeline import ask_only
from rxkernel.messages.scoped_services import is_async_manager
from rxkernel.routing.definitions import Definition
from rxkernel.routing.metadata import RouteMetadata
from rxkernel.routing.storages import MetadataStorages
from rxkernel.routing.targets import name_of_target


class Reload:
    """One change of the routes of a running application.

    `prepare` builds and checks the next state while the current one runs, in several steps of the
    event loop; `apply` swaps it in without an ``await``. Before `apply`, nothing has changed.
    """

    def __init__(
        self,
        root: CompositionRoot,
        *,
        add: Iterable[RouteMetadata],
        remove: Iterable[Any],
        controllers: Iterable[Any],
    ) -> None:
        self._root = root
        self._add = tuple(add)
        self._remove = tuple(remove)
        self._new = tuple(controllers)
        self._routes: tuple[RouteMetadata, ...] = ()
        self._instances: dict[type, object] = {}
        self._observed: list[ObservedMethod] = []
        self._compiled: Compiled | None = None

    async def prepare(self) -> None:
        """Build the new controllers and compile the routes.

        Raises:
            ConfigurationError: with every problem found.
        """
        errors: list[ConfigurationError] = []
        kept = self._kept(errors)
        self._instances = self._built(errors)
        found = (route for controller in self._new for route in self._root.routes_of(controller))
        self._routes = _together(kept, (*self._add, *found), errors)
        if not errors:
            self._routes = await self._changed_by_listeners(errors)
        self._report_unused(errors)
        if errors:
            raise ConfigurationError.merge(errors)
        await asyncio.sleep(0)
        root, kernel = self._root, self._root.kernel
        controllers = {**root.controllers, **self._instances}
        self._compiled = await kernel.compiler.compile(self._routes, controllers, kernel.compiled)
        root.servers.check(self._compiled)
        self._observed = self._observed_by_new()
        _check_only(self._observed, self._compiled)
        await asyncio.sleep(0)

    async def _changed_by_listeners(
        self, errors: list[ConfigurationError]
    ) -> tuple[RouteMetadata, ...]:
        event = ReloadEvent(list(self._routes))
        await self._root.spec.dispatcher.dispatch(ApplicationEvents.RELOAD, event)
        if [*map(id, event.routes)] == [*map(id, self._routes)]:
            return self._routes
        return _together((), event.routes, errors)

    def _kept(self, errors: list[ConfigurationError]) -> list[RouteMetadata]:
        """The routes that are kept; an item of ``remove`` without a route is an error."""
        routes = self._root.spec.storages.all()
        of_item: dict[int, set[int]] = {}
        for route in routes:
            of_item.setdefault(id(route), set()).add(id(route))
            of_item.setdefault(id(route.target), set()).add(id(route))
        removed: set[int] = set()
        for item in self._remove:
            metadata = item.metadata if isinstance(item, Definition) else item
            found = of_item.get(id(metadata), set())
            if not found and not self._is_controller(item):
                errors.append(
                    ConfigurationError(
                        f"remove contains {_shown(item)}, which has no route in this application; "
                        f"pass the metadata or the definition of a route, or a controller"
                    )
                )
            removed |= found
        return [route for route in routes if id(route) not in removed]

    def _is_controller(self, item: Any) -> bool:
        return id(item) in self._root.registered

    def _built(self, errors: list[ConfigurationError]) -> dict[type, object]:
        built: dict[type, object] = {}
        for controller in self._new:
            if isinstance(controller, type):
                try:
                    _check_not_managed(controller)
                    built[controller] = self._root.container.create(controller)
                except ConfigurationError as error:
                    errors.append(error)
        return built

    def _instance_of(self, controller: Any) -> Any:
        return self._instances.get(controller) if isinstance(controller, type) else controller

    def _report_unused(self, errors: list[ConfigurationError]) -> None:
        """Report each new controller without a route or a listener, and each option without a
        route, as boot does."""
        if not self._new:
            return
        unused = UnusedParts(self._routes)
        for controller in self._new:
            errors += unused.errors_of_controller(controller, self._instance_of(controller))

    def apply(self) -> CompiledEvent:
        """Serve the new routes.

        Raises:
            ConfigurationError: a listener of a new controller cannot listen; nothing has changed.
        """
        assert self._compiled is not None
        root = self._root
        root.listener_registry.add_all(self._observed)
        before = self._registered_instances()
        for controller in self._gone():
            del root.registered[id(controller)]
            if isinstance(controller, type):
                del root.controllers[controller]
        root.registered.update({id(controller): controller for controller in self._new})
        root.controllers.update(self._instances)
        for cls, instance in self._instances.items():
            root.container.replace(cls, instance)
        after = self._registered_instances()
        root.listener_registry.remove_of(
            [before[number] for number in before.keys() - after.keys()]
        )
        root.spec.storages.replace(self._routes)
        event = root.kernel.install(self._compiled)
        root.servers.recompiled(self._compiled)
        return event

    def _observed_by_new(self) -> list[ObservedMethod]:
        """The listener methods of controllers that are not registered yet."""
        known = self._root.listener_registry.has_listener_of
        return [
            found
            for instance in map(self._instance_of, self._new)
            if not (isinstance(instance, ModuleType) or known(instance))
            for found in observations(instance)
        ]

    def _gone(self) -> list[Any]:
        """The controllers that are removed, or whose last route is removed."""
        root = self._root
        staying = {id(route.target) for route in self._routes}
        reached = {id(definition.metadata.target) for definition in root.kernel.compiled.all}
        removed = reached.union(map(id, self._remove)) - staying
        return [c for c in root.registered.values() if id(c) in removed]

    def _registered_instances(self) -> dict[int, object]:
        """The instances of the controllers, by identity."""
        instances = map(self._root.instance_of, self._root.registered.values())
        return {id(instance): instance for instance in instances}


def _together(
    kept: Iterable[RouteMetadata],
    new: Iterable[RouteMetadata | ConfigurationError],
    errors: list[ConfigurationError],
) -> tuple[RouteMetadata, ...]:
    """Return all routes of the next state, in the order of the storages."""
    storages = MetadataStorages()
    storages.extend(kept)
    try:
        storages.extend(new)
    except ConfigurationError as error:
        errors.append(error)
    return storages.all()


def _check_only(observed: Iterable[ObservedMethod], compiled: Compiled) -> None:
    """Call each ``only=`` now, so that none raises while messages are handled.

    Raises:
        ConfigurationError: with the listener and the definition.
    """
    for method, observation in observed:
        if observation.only is not None:
            for definition in compiled.all:
                what = f"the only= of listener {describe(method)}"
                ask_only(observation.only, definition, what)


def _check_not_managed(controller: type) -> None:
    if is_async_manager(controller):
        raise ConfigurationError(
            f"controller {controller.__qualname__} is an async context manager, which is entered "
            f"at boot and exited at shutdown; a reload cannot enter it: move this code into a "
            f"service of the application"
        )


def _shown(item: Any) -> str:
    return name_of_target(item) if isinstance(item, type | ModuleType) else repr(item)
