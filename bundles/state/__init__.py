"""Values that all processes of an application share, read from memory and changed by all."""

from bundles.state.bundle import StateBundle
from bundles.state.exceptions import (
    StateConflictException,
    StateFullException,
    StateUnavailableException,
)
from bundles.state.settings import StateSettings
from bundles.state.state import State
from bundles.state.transaction import Transaction
from bundles.state.watchers import Listener, Watcher

__all__ = [
    "Listener",
    "State",
    "StateBundle",
    "StateConflictException",
    "StateFullException",
    "StateSettings",
    "StateUnavailableException",
    "Transaction",
    "Watcher",
]
