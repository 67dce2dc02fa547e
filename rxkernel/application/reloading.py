"""`Application.reload`: other routes while the application runs, all of them or none."""

from collections.abc import Iterable
from types import ModuleType
from typing import Any

from rxkernel.application.assembly import Assembly
from rxkernel.application.observers import Found, observed_by
from rxkernel.events.dispatcher import describe
from rxkernel.exceptions import ConfigurationError
from rxkernel.kernel.compiled import Compiled
from rxkernel.kernel.events import CompiledEvent
from rxkernel.messages.scoped_services import is_async_manager
from rxkernel.routing.decorators import routes_of
from rxkernel.routing.definitions import Definition
from rxkernel.routing.metadata import RouteMetadata
from rxkernel.routing.storages import MetadataStorages
from rxkernel.routing.targets import name_of_target


class Reload:
    """One change of the routes of a running application.

    `prepare` builds and checks all of it beside what runs; `apply` swaps it in without an
    ``await``. Before `apply`, nothing has changed.
    """

    def __init__(
        self,
        assembly: Assembly,
        *,
        add: Iterable[RouteMetadata],
        remove: Iterable[Any],
        controllers: Iterable[Any],
    ) -> None:
        self._assembly = assembly
        self._add = tuple(add)
        self._remove = tuple(remove)
        self._new = tuple(controllers)
        self._routes: tuple[RouteMetadata, ...] = ()
        self._instances: dict[type, object] = {}
        self._observed: list[Found] = []
        self._compiled: Compiled | None = None

    async def prepare(self) -> None:
        """Build the new controllers and compile the routes.

        Raises:
            ConfigurationError: with every problem found.
        """
        errors: list[ConfigurationError] = []
        kept = self._kept(errors)
        self._instances = self._built(errors)
        storages = MetadataStorages()
        found = (route for controller in self._new for route in routes_of(controller))
        try:
            storages.extend((*kept, *self._add, *found))
        except ConfigurationError as error:
            errors.append(error)
        self._routes = storages.all()
        if errors:
            raise ConfigurationError.merge(errors)
        kernel = self._assembly.kernel
        controllers = {**self._assembly.controllers, **self._instances}
        self._compiled = await kernel.compiler.compile(self._routes, controllers, kernel.compiled)
        self._observed = self._observed_by_new()
        _check_only(self._observed, self._compiled)

    def _kept(self, errors: list[ConfigurationError]) -> list[RouteMetadata]:
        """The routes that stay; an item of ``remove`` that is none of them is an error."""
        routes = self._assembly.parts.storages.all()
        removed: set[int] = set()
        for item in self._remove:
            metadata = item.metadata if isinstance(item, Definition) else item
            found = {id(r) for r in routes if r is metadata or r.target is item}
            if not found:
                errors.append(
                    ConfigurationError(
                        f"remove holds {_shown(item)}, which has no route in this application; "
                        f"give the metadata or the definition of a route, or a controller"
                    )
                )
            removed |= found
        return [route for route in routes if id(route) not in removed]

    def _built(self, errors: list[ConfigurationError]) -> dict[type, object]:
        built: dict[type, object] = {}
        services = self._assembly.services
        for controller in self._new:
            if not any(True for _ in routes_of(controller)):
                errors.append(
                    ConfigurationError(
                        f"controller {name_of_target(controller)} has no route; put @http or "
                        f"@websocket on its methods"
                    )
                )
            if not isinstance(controller, type):
                continue
            try:
                _refuse_managed(controller)
                built[controller] = services.create(controller)
            except ConfigurationError as error:
                errors.append(error)
        return built

    def apply(self) -> CompiledEvent:
        """Serve the new routes.

        Raises:
            ConfigurationError: a listener of a new controller cannot listen; nothing has changed.
        """
        assert self._compiled is not None
        assembly = self._assembly
        assembly.observers.add_all(self._observed)
        gone = self._gone()
        instances = [self._assembly.instance_of(target) for target in gone]
        assembly.observers.remove_of(instances)
        for target in gone:
            if isinstance(target, type):
                assembly.controllers.pop(target, None)
        assembly.controllers.update(self._instances)
        assembly.parts.storages.replace(self._routes)
        event = assembly.kernel.install(self._compiled)
        assembly.servers.recompiled(self._compiled)
        return event

    def _observed_by_new(self) -> list[Found]:
        """What controllers observe that were not there before."""
        known = {id(instance) for instance in self._assembly.controllers.values()}
        instances = [self._instances.get(c, c) if isinstance(c, type) else c for c in self._new]
        return list(
            observed_by(
                instance
                for instance in instances
                if id(instance) not in known and not isinstance(instance, ModuleType)
            )
        )

    def _gone(self) -> list[Any]:
        """The controllers of which the last route is removed."""
        staying = {id(route.target) for route in self._routes}
        targets = [d.metadata.target for d in self._assembly.kernel.compiled.all]
        return [target for target in targets if id(target) not in staying]


def _check_only(observed: Iterable[Found], compiled: Compiled) -> None:
    """Ask each ``only=`` now: one that raises must not do so while messages are handled.

    Raises:
        ConfigurationError: with the listener and the definition.
    """
    for method, observation in observed:
        if observation.only is None:
            continue
        for definition in compiled.all:
            try:
                observation.only(definition)
            except Exception as exc:
                raise ConfigurationError(
                    f"the only= of listener {describe(method)} fails for {definition.name!r} "
                    f"({definition.transport}): {exc!r}"
                ) from exc


def _refuse_managed(controller: type) -> None:
    if is_async_manager(controller):
        raise ConfigurationError(
            f"controller {controller.__qualname__} is an async context manager, which is entered "
            f"at boot and left at shutdown; a reload adds controllers without a life of their "
            f"own: move it into a service of the application"
        )


def _shown(item: Any) -> str:
    return name_of_target(item) if isinstance(item, type | ModuleType) else repr(item)
