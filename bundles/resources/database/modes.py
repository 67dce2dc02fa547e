"""The mode of the sessions of each definition, computed at boot."""

from collections.abc import Sequence
from weakref import WeakKeyDictionary

from bundles.resources.database.mode import WRITES, Mode
from bundles.resources.database.transaction import mode_of, transaction_of
from rxkernel import Definition


class Modes:
    """The modes by definition; None for an action without a transaction."""

    def __init__(self) -> None:
        self._found: WeakKeyDictionary[Definition, Mode | None] = WeakKeyDictionary()

    def add(self, definition: Definition, siblings: Sequence[Definition]) -> None:
        """Compute the mode of *definition*, whose action also has the routes *siblings*."""
        is_off = transaction_of(definition).is_off
        self._found[definition] = None if is_off else mode_of(definition, siblings)

    def of(self, definition: Definition | None) -> Mode | None:
        """Return the mode of *definition*; None: of a message without a definition."""
        return WRITES if definition is None else self._found.get(definition, WRITES)
