"""The bundle contracts."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from injector import Binder, inject, singleton

from bundles.contracts.arguments_marker import Arguments, ArgumentsResolver
from bundles.contracts.commands import contracts
from bundles.contracts.contract import OPTIONS
from bundles.contracts.enforcement import Contracts
from bundles.contracts.schemas import Schemas
from bundles.contracts.schemas.schema_files import read_folder
from bundles.contracts.settings import ContractsSettings
from rxkernel import Bundle, ConfigurationError

_NONE: Mapping[str, Any] = MappingProxyType({})


class ContractsBundle(Bundle):
    """Enforces the contracts of definitions, over every transport.

    Args:
        schemas: the notations of named schemas, to which contracts may refer, in addition to those
            in the folder of the settings.
        types: further types for all schemas, see `Schemas`.
    """

    name = "contracts"
    options = tuple(OPTIONS.values())
    listeners = (Contracts,)
    resolvers = MappingProxyType({Arguments: ArgumentsResolver})
    commands = (contracts,)
    settings_class = ContractsSettings
    provides = (Contracts, Schemas)

    def __init__(
        self, schemas: Mapping[str, Any] = _NONE, *, types: Mapping[str, Any] = _NONE
    ) -> None:
        self._notations = schemas
        self._types = types

    def configure(self, binder: Binder) -> None:
        binder.bind(Schemas, to=self._schemas, scope=singleton)
        binder.bind(Contracts, scope=singleton)

    @inject
    def _schemas(self, settings: ContractsSettings) -> Schemas:
        if settings.schemas is None:
            return Schemas(self._notations, types=self._types)
        notations, types = read_folder(settings.schemas)
        if twice := sorted(notations.keys() & self._notations.keys()):
            raise ConfigurationError(
                f"the schemas {', '.join(twice)} are in the folder {settings.schemas} and in the "
                f"arguments of ContractsBundle; remove one of the two"
            )
        return Schemas({**self._notations, **notations}, types={**self._types, **types})
