"""What the bundle adds to an application."""

from injector import Binder, singleton

from bundles.contracts.contract import OPTIONS
from bundles.contracts.enforcement import Contracts
from bundles.contracts.settings import ContractsSettings
from rxkernel import Bundle


class ContractsBundle(Bundle):
    """Enforces the contracts of definitions, over every transport."""

    name = "contracts"
    settings_class = ContractsSettings
    options = tuple(OPTIONS.values())
    listeners = (Contracts,)

    def configure(self, binder: Binder) -> None:
        binder.bind(Contracts, scope=singleton)
