"""Serves the routes of controllers as methods: ``MetacomBundle(expose={"articles":
Articles})``."""

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Self

import attrs
from injector import inject

from bundles.metacom.transport import METACOM
from rxkernel import (
    ApplicationEvents,
    BootstrapEvent,
    ConfigurationError,
    ProcedureMetadata,
    RouteMetadata,
    observe,
    routes_of,
)

_UNIT = re.compile(r"[^/.\s]+(\.\d+)?")


@attrs.frozen
class Exposed:
    """The controllers by the name of their unit, which may have a version: ``articles.2``."""

    controllers: Mapping[str, object] = MappingProxyType({})

    @classmethod
    def of(cls, controllers: object) -> Self:
        """Return an instance with *controllers*, an argument of an application.

        Raises:
            ConfigurationError: *controllers* is not a mapping.
        """
        if not isinstance(controllers, Mapping):
            raise ConfigurationError(
                f"MetacomBundle(expose={controllers!r}) is not a mapping of units to controllers; "
                f'write expose={{"articles": Articles}}'
            )
        return cls(controllers)


class Exposure:
    """Adds the methods of the exposed controllers."""

    @inject
    def __init__(self, exposed: Exposed) -> None:
        self._exposed = exposed

    @observe(ApplicationEvents.BOOTSTRAP)
    async def add(self, event: BootstrapEvent) -> None:
        """Add a method for each function with a route. Its name is that of the function.

        Raises:
            ConfigurationError: names every unit that cannot be exposed.
        """
        errors: list[ConfigurationError] = []
        for unit, controller in self._exposed.controllers.items():
            try:
                for method in methods_of(unit, controller):
                    event.procedure_metadata_storage.add(method)
            except ConfigurationError as error:
                errors.append(error)
        if errors:
            raise ConfigurationError.merge(errors)


def methods_of(unit: object, controller: object) -> Iterator[ProcedureMetadata]:
    """Yield the methods of *unit*. If a function has several routes, the method has the options of
    the first one.

    Raises:
        ConfigurationError: the name of the unit is invalid, or *controller* has no routes.
    """
    if not isinstance(unit, str) or not _UNIT.fullmatch(unit):
        raise ConfigurationError(
            f"MetacomBundle exposes {controller!r} with the invalid name {unit!r}; a unit name "
            f"must not have '/' or white space, and '.' only before a version, such as 'articles' "
            f"or 'articles.2'"
        )
    routes: dict[str, RouteMetadata] = {}
    for route in routes_of(controller):
        if isinstance(route, RouteMetadata) and isinstance(route.action, str):
            routes.setdefault(route.action, route)
    if not routes:
        raise ConfigurationError(
            f"MetacomBundle exposes {controller!r} as {unit!r}, but it has no routes; decorate "
            f"its methods with @http or @websocket, or remove it"
        )
    for action, route in routes.items():
        yield ProcedureMetadata(
            route.target, f"{unit}/{action}", action, METACOM, route.options, arguments="value"
        )
