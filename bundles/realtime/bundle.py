"""The bundle realtime."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from injector import Binder, singleton

from bundles.realtime.app_handle import AppHandle
from bundles.realtime.controller import Controller
from bundles.realtime.event import EVENT
from bundles.realtime.manager import Manager
from bundles.realtime.manager_names import ManagerNames
from bundles.realtime.middlewares import Middlewares
from bundles.realtime.route_entry import OPTION
from bundles.realtime.route_file import routes_of_file
from bundles.realtime.route_listeners import RouteListeners
from bundles.realtime.service import Service
from bundles.realtime.service_listeners import ServiceListeners
from bundles.realtime.service_table import ServiceTable, check_namespaces
from bundles.realtime.settings import RealtimeSettings
from bundles.realtime.site import ApiPaths, Site
from bundles.tasks.listed import list_problem
from rxkernel import Bundle, ConfigurationError, HttpMetadata, Settings


class RealtimeBundle(Bundle):
    """The components of IOServer.

    Args:
        services: subclasses of `Service`, or instances.
        controllers: subclasses of `Controller`, or instances.
        managers: subclasses of `Manager`, or a mapping of names to them. The injector builds them
            in this order; a manager that another one injects is built before that one.

    Raises:
        ConfigurationError: lists every argument that is not a list, and every item of a wrong
            class.
    """

    name = "realtime"
    options = (EVENT, OPTION)
    listeners: Sequence[Any] = (ServiceListeners, RouteListeners)
    settings_class = RealtimeSettings
    provides = (AppHandle,)

    def __init__(
        self,
        *,
        services: Sequence[Any] = (),
        controllers: Sequence[Any] = (),
        managers: Sequence[type[Manager]] | Mapping[str, type[Manager]] = (),
    ) -> None:
        _check(services=services, controllers=controllers, managers=managers)
        self._services = tuple(services)
        self._components = self.controllers = (*services, *controllers)
        self._managers = managers

    def configure(self, binder: Binder) -> None:
        check_namespaces(self._services)
        injector = binder.injector
        self._settings = injector.get(RealtimeSettings)
        self._add_site(injector.get(Settings).http.prefix)
        given = self._managers
        by_name = given if isinstance(given, Mapping) else _by_name(given)
        binder.bind(ManagerNames, to=ManagerNames(by_name))
        for service in (AppHandle, Middlewares, ServiceTable):
            binder.bind(service, scope=singleton)
        for manager in by_name.values():
            binder.bind(manager, scope=singleton)

    def _add_site(self, prefix: str) -> None:
        settings = self._settings
        self.listeners, self.controllers = type(self).listeners, self._components
        if settings.root_dir is not None:
            api = ApiPaths(prefix)
            fallback = "index.html" if settings.spa_fallback else None
            site = Site(settings.root_dir, name="realtime_site", fallback=fallback, api=api)
            self.controllers = (*self.controllers, site)
            self.listeners = (*self.listeners, api)

    def routes_of(self, controller: Any) -> Iterable[HttpMetadata | ConfigurationError]:
        """Return the routes in the file of *controller*, if it is a `Controller`."""
        cls = controller if isinstance(controller, type) else type(controller)
        if issubclass(cls, Controller):
            return routes_of_file(controller, self._settings.routes)
        return ()


def _check(*, services: Any, controllers: Any, managers: Any) -> None:
    """
    Raises:
        ConfigurationError: lists every invalid argument of the bundle.
    """
    of_managers = tuple(managers.values()) if isinstance(managers, Mapping) else managers
    problems = [
        *_problems("services", services, Service),
        *_problems("controllers", controllers),
        *_problems("managers", of_managers, Manager),
    ]
    if problems:
        raise ConfigurationError(*problems)


def _problems(name: str, given: Any, base: type[Any] | None = None) -> Iterator[str]:
    """Yield the errors in the argument *name*, which must be a list of subclasses of *base*; None:
    of anything."""
    if (problem := list_problem(name, given, "…")) is not None:
        yield problem
    elif base is not None:
        for one in given:
            if not _is_of(base, one):
                yield f"{name} has {one!r:.100}, which is not a subclass of {base.__name__}"


def _is_of(base: type[Any], given: object) -> bool:
    if isinstance(given, type):
        return issubclass(given, base)
    return base is Service and isinstance(given, base)  # the injector builds the managers


def _by_name(managers: Iterable[type[Manager]]) -> dict[str, type[Manager]]:
    """Return the managers by name.

    Raises:
        ConfigurationError: two managers have the same name.
    """
    found: dict[str, type[Manager]] = {}
    problems = []
    for manager in managers:
        other = found.setdefault(manager.name, manager)
        if other is not manager:
            problems.append(
                f"the managers {other.__qualname__} and {manager.__qualname__} have the same name "
                f"{manager.name!r}; set another name: class {manager.__name__}(Manager, name=…)"
            )
    if problems:
        raise ConfigurationError(*problems)
    return found
