"""Contracts on definitions: timeouts, queues, schemas, errors and examples."""

from bundles.contracts.bundle import ContractsBundle
from bundles.contracts.queue import Queue
from bundles.contracts.settings import ContractsSettings

__all__ = ["ContractsBundle", "ContractsSettings", "Queue"]
