"""Finds controllers, options and procedures without a route, at boot and at a reload."""

from collections.abc import Collection, Iterable, Iterator
from inspect import isroutine
from types import ModuleType
from typing import Any

from rxkernel.events.dispatcher import describe
from rxkernel.events.observe import observations
from rxkernel.exceptions import ConfigurationError
from rxkernel.routing.bundle_option import missing_bundle, without_bundle
from rxkernel.routing.decorators import options_without_route, routes_of
from rxkernel.routing.metadata import ProcedureMetadata, RouteMetadata
from rxkernel.routing.targets import name_of_action, name_of_target, owner_of


class UnusedParts:
    """The parts of an application that none of *routes*, all its routes, uses.

    An action is attributed to the class of its target and to all base classes: a subclass may have
    routes for the methods of its base class.
    """

    def __init__(self, routes: Iterable[RouteMetadata]) -> None:
        self._targets: set[int] = set()
        self._actions: dict[int, set[str]] = {}
        for route in routes:
            self._targets.add(id(route.target))
            cls = _class_of(route.target)
            for base in cls.__mro__[:-1] if isinstance(cls, type) else (cls,):
                self._actions.setdefault(id(base), set()).add(name_of_action(route.action))

    def errors_of_controller(self, controller: Any, instance: object) -> list[ConfigurationError]:
        """An error if *controller* has neither a route nor a listener, and one for each option
        without a route. *instance* is None if it could not be built."""
        is_idle = id(controller) not in self._targets and not any(observations(instance))
        errors = [_no_route(controller)] if is_idle and instance is not None else []
        return [*errors, *self._unused_options(controller)]

    def errors_of_listener(self, listener: Any, instance: object) -> list[ConfigurationError]:
        """An error for each option on the listener methods of *listener* without a route."""
        methods = {method.__name__ for method, _ in observations(instance)}
        return self._unused_options(listener, methods)

    def _unused_options(
        self, thing: object, methods: Collection[str] | None = None
    ) -> list[ConfigurationError]:
        actions = self._actions.get(id(_class_of(thing)), ())
        return [
            ConfigurationError(
                f"option {key!r} of {place} has no effect, because it has no route; put @http or "
                f"@websocket on the method, or remove the option"
            )
            for key, place in options_without_route(thing, actions, methods)
        ]


def procedures_without_bundle(
    services: Iterable[object], options: Collection[str]
) -> Iterator[str]:
    """Yield a message for each procedure of *services* whose bundle is not enabled: it has a
    `BundleOption` that is not among *options*."""
    for service in services:
        for route in routes_of(service):
            if not isinstance(route, ProcedureMetadata):
                continue
            for key, value in route.options.items():
                if (option := missing_bundle(key, value, options)) is not None:
                    yield without_bundle(option, route.place)


def _class_of(target: object) -> object:
    """The class of *target*; a module and a function are returned unchanged."""
    return target if isinstance(target, ModuleType) or isroutine(target) else owner_of(target)


def _no_route(controller: Any) -> ConfigurationError:
    """The error for a *controller* without a route."""
    if isroutine(controller):
        name = controller.__name__
        return ConfigurationError(
            f"controller {describe(controller)} is a function, not a controller; pass its "
            f"module, Application(controllers=[{controller.__module__}]), or add its route: "
            f"application.http_metadata_storage.add("
            f'HttpMetadata({name}, "name", "/path", "GET", {name}))'
        )
    return ConfigurationError(
        f"controller {name_of_target(controller)} has no route; put @http or @websocket on its "
        f"methods, enable the bundle that creates its routes, or add them to a metadata storage"
    )
