"""Routes of controllers that are methods too: ``MetacomBundle(expose={"articles": Articles})``."""

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
        """Return them with *controllers*, which an application has given.

        Raises:
            ConfigurationError: it is not a mapping.
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
        """Add a method for each function with a route, under its name in Python.

        Raises:
            ConfigurationError: with every unit that cannot be exposed.
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
    """Yield the methods of *unit*. The first route of a function decides their options.

    Raises:
        ConfigurationError: the name of the unit is invalid, or *controller* has no route.
    """
    if not isinstance(unit, str) or not _UNIT.fullmatch(unit):
        raise ConfigurationError(
            f"MetacomBundle exposes {controller!r} as {unit!r}; the name of a unit has no '/', no "
            f"blank, and a '.' only before its version, as 'articles' or 'articles.2'"
        )
    routes: dict[str, RouteMetadata] = {}
    for route in routes_of(controller):
        if isinstance(route, RouteMetadata) and isinstance(route.action, str):
            routes.setdefault(route.action, route)
    if not routes:
        raise ConfigurationError(
            f"MetacomBundle exposes {controller!r} as {unit!r}, which has no route; label its "
            f"methods with @http or @websocket, or remove it"
        )
    for action, route in routes.items():
        yield ProcedureMetadata(
            route.target, f"{unit}/{action}", action, METACOM, route.options, arguments="value"
        )
