"""How large a state may be."""

from bundles.state.exceptions import StateFullException
from bundles.state.settings import StateSettings
from bundles.state.tree import Tree


class Limits:
    """Compares trees with ``state.max_keys`` and ``state.max_size``."""

    def __init__(self, settings: StateSettings) -> None:
        self._settings = settings
        self._excess = ""

    def fits(self, tree: Tree) -> bool:
        """Whether *tree* is within the limits; `error` reports the one that it exceeds."""
        max_keys, max_size = self._settings.max_keys, self._settings.max_size
        if tree.paths > max_keys:
            self._excess = f"{tree.paths} paths with a value; state.max_keys is {max_keys}"
            return False
        if tree.size > max_size:
            self._excess = f"{tree.size} bytes; state.max_size is {max_size}"
            return False
        return True

    def error(self, problem: str) -> StateFullException:
        """The exception for the last tree that did not fit."""
        return StateFullException(f"{problem}: the state would have {self._excess}")
