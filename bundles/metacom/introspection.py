"""``system/introspect``: describes the methods of units, for clients that load them."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from injector import Injector, inject

from bundles.contracts import Schemas
from bundles.metacom.method_description import describe
from bundles.metacom.methods import OWN_INTROSPECTION, Methods
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
    Request,
    UnprocessableEntityException,
    observe,
)


class Introspection:
    """Describes the methods of the application.

    Clients call it as ``system/introspect``, unless the application has a method of this name; see
    `Methods`.
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

    async def introspect(self, request: Request) -> dict[str, Any]:
        """Return the descriptions of the methods, by the unit names of the client and by method.

        Unknown units are omitted. A description is that of `describe`; with
        `MetacomSettings.compat`, the list of the names of the parameters.

        Raises:
            UnprocessableEntityException: the arguments are not an array of names.
        """
        units = request.body or []
        if not isinstance(units, list) or not all(isinstance(unit, str) for unit in units):
            raise UnprocessableEntityException("args must be an array of unit names")
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
        """Add the method as a public one."""
        names = {one.name for one in event.services if isinstance(one, Bundle)}
        options = {}
        if "security" in names:
            options["access"] = import_module("bundles.security").access("public")
        method = ProcedureMetadata(
            self, OWN_INTROSPECTION, "introspect", METACOM, options, arguments="value"
        )
        event.procedure_metadata_storage.add(method)
