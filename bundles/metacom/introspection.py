"""``system/introspect``: the methods of units, which clients load before they call them."""

from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Any

from injector import Injector, inject

from bundles.contracts import Schemas
from bundles.metacom.method_description import describe
from bundles.metacom.methods import Methods
from bundles.metacom.settings import MetacomSettings
from bundles.metacom.transport import METACOM
from rxkernel import (
    ApplicationEvents,
    BootstrapEvent,
    Bundle,
    Compiled,
    Definition,
    Kernel,
    ProcedureMetadata,
    ReloadEvent,
    Request,
    RouteMetadata,
    UnprocessableEntityException,
    observe,
)

NAME = "system/introspect"

Description = Mapping[str, Any]


class Introspection:
    """Describes the methods of the application.

    It is the method `NAME`, unless the application has one of its own.
    """

    @inject
    def __init__(self, kernel: Kernel, settings: MetacomSettings, injector: Injector) -> None:
        self._kernel = kernel
        self._settings = settings
        has_contracts = injector.binder.has_explicit_binding_for(Schemas)
        self._schemas = injector.get(Schemas) if has_contracts else None
        self._compiled: Compiled | None = None
        self._methods = Methods({}, {})
        self._known: dict[str, Mapping[str, Any]] = {}
        self._route: ProcedureMetadata | None = None

    async def introspect(self, request: Request) -> dict[str, Any]:
        """Return the methods of the units that the client names, under the names that it uses.

        Unknown units are left out. With `MetacomSettings.compat` a method is the list of the names
        of its parameters.

        Raises:
            UnprocessableEntityException: the arguments are not an array of names.
        """
        units = request.body or []
        if not isinstance(units, list) or not all(isinstance(unit, str) for unit in units):
            raise UnprocessableEntityException("args must be an array of the names of units")
        if self._kernel.compiled is not self._compiled:
            self._compiled = self._kernel.compiled
            self._methods, self._known = Methods.of(self._compiled), {}
        return {unit: self._unit(unit) for unit in units if unit in self._methods.units}

    def _unit(self, unit: str) -> Mapping[str, Any]:
        found = self._known.get(unit)
        if found is None:
            methods = self._methods.units[unit].items()
            found = self._known[unit] = {name: self._method(one) for name, one in methods}
        return found

    def _method(self, definition: Definition) -> Any:
        described = describe(definition, self._schemas)
        if not self._settings.compat:
            return described
        return list(described.get("parameters", {}).get("properties", ()))

    @observe(ApplicationEvents.BOOTSTRAP)
    async def add(self, event: BootstrapEvent) -> None:
        """Add the method, which is public."""
        names = {one.name for one in event.services if isinstance(one, Bundle)}
        options = {}
        if "security" in names:
            options["access"] = import_module("bundles.security").access("public")
        self._route = ProcedureMetadata(
            self, NAME, "introspect", METACOM, options, arguments="value"
        )
        storage = event.procedure_metadata_storage
        if not _has_own(storage.all(), self._route):
            storage.add(self._route)

    @observe(ApplicationEvents.RELOAD)
    async def add_or_remove(self, event: ReloadEvent) -> None:
        """Add the method if the application has lost its own, remove it if it has got one."""
        if self._route is None:
            return
        has_own = _has_own(event.routes, self._route)
        if has_own and self._route in event.routes:
            event.routes.remove(self._route)
        elif not has_own and self._route not in event.routes:
            event.routes.append(self._route)


def _has_own(routes: Iterable[RouteMetadata], route: ProcedureMetadata) -> bool:
    """Whether *routes* have another one with the name of *route*."""
    return any(
        isinstance(one, ProcedureMetadata) and one.key == route.key and one is not route
        for one in routes
    )
