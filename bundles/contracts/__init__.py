"""Contracts on definitions: timeouts, queues, schemas, errors and examples."""

from bundles.contracts.bundle import ContractsBundle
from bundles.contracts.contract import Contract, contract, contract_of
from bundles.contracts.domain_error import DomainError
from bundles.contracts.enforcement import Contracts
from bundles.contracts.example import Example
from bundles.contracts.interruption import ClientDisconnectedException
from bundles.contracts.queue import Queue
from bundles.contracts.settings import ContractsSettings
from bundles.contracts.slots import Slots
from bundles.contracts.unset import UNSET

__all__ = [
    "UNSET",
    "ClientDisconnectedException",
    "Contract",
    "Contracts",
    "ContractsBundle",
    "ContractsSettings",
    "DomainError",
    "Example",
    "Queue",
    "Slots",
    "contract",
    "contract_of",
]
