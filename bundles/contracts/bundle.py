"""What the bundle adds to an application."""

from bundles.contracts.settings import ContractsSettings
from rxkernel import Bundle


class ContractsBundle(Bundle):
    """Enforces the contracts of definitions, over every transport."""

    name = "contracts"
    settings_class = ContractsSettings
