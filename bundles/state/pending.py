"""Operations of this process that the log does not contain yet."""

from collections.abc import Iterable

import attrs

from bundles.state.entries import Entry, size_of
from bundles.state.operations import Operation, Set
from bundles.state.paths import path_of, upwards
from bundles.state.tree import Change


@attrs.define(eq=False)
class Slot:
    """An operation, and what it has changed in the tree; None if it has changed nothing.

    Attributes:
        number: its place in the order of all pending operations.
        region: see `Overlay`; empty if the operation is not pending any more.
    """

    operation: Operation
    change: Change | None
    number: int = 0
    region: str = ""


class Batch:
    """Plain operations that will be written together. A later operation on the same path replaces
    an earlier one where the effect is the same, so that a counter needs one operation.

    Attributes:
        slots: the operations in their order.
        size: about their bytes as JSON.
    """

    def __init__(self, slots: Iterable[Slot] = ()) -> None:
        self.slots: list[Slot] = []
        self.size = 0
        self._at: dict[str, int] = {}
        self._below: dict[str, int] = {}
        for slot in slots:
            self._append(slot)

    def add(self, operation: Operation, change: Change | None) -> Slot:
        """Add *operation*, which has made *change*. The slot is an earlier one if this has the
        effect of both now."""
        index = self._at.get(operation.path)
        if index is not None and self._is_last(index, operation):
            slot = self.slots[index]
            if _is_exact(slot, operation, change):
                merged = slot.operation.merge(operation)
                if merged is not None:
                    self.size += size_of(merged) - size_of(slot.operation)
                    slot.operation = merged
                    return slot  # undoing its change undoes both
        return self._append(Slot(operation, change))

    def split(self, size: int) -> tuple[list[Slot], "Batch | None"]:
        """The first operations with about *size* bytes, at least one, and a batch of the rest."""
        total = 0
        for index, slot in enumerate(self.slots):
            total += size_of(slot.operation)
            if total > size and index:
                return self.slots[:index], Batch(self.slots[index:])
        return self.slots, None

    def _append(self, slot: Slot) -> Slot:
        index = len(self.slots)
        self.slots.append(slot)
        self.size += size_of(slot.operation)
        self._at[slot.operation.path] = index
        parts = slot.operation.parts
        for depth in range(1, len(parts)):
            self._below[path_of(parts[:depth])] = index
        return slot

    def _is_last(self, index: int, operation: Operation) -> bool:
        """Whether no operation after *index* is on a path above or below that of *operation*."""
        if self._below.get(operation.path, -1) > index:
            return False
        parts = operation.parts
        return all(
            self._at.get(path_of(parts[:depth]), -1) < index for depth in range(1, len(parts))
        )


def _is_exact(slot: Slot, operation: Operation, change: Change | None) -> bool:
    """Whether one operation at the place of *slot* has the effect of both: not if one of them was
    not applicable, since their sum may be, or may make a later increment applicable; and not for
    increments of a float, whose sum depends on their order."""
    if slot.change is None or change is None:
        return False
    is_set = isinstance(operation, Set) or isinstance(slot.operation, Set)
    return is_set or type(change.after) is not float


@attrs.frozen(eq=False)
class Outgoing:
    """An entry that is being written.

    Args:
        entry: what is written.
        slots: the plain operations of its units.
        size: see `Batch.size`.
    """

    entry: Entry
    slots: list[Slot]
    size: int

    @property
    def data(self) -> bytes:
        """The entry, packed."""
        return self.entry.packed()

    @property
    def is_plain(self) -> bool:
        return all(unit.reads is None for unit in self.entry.units)


class Overlaps:
    """The paths at which pending operations decide about the value."""

    def __init__(self, slots: Iterable[Slot]) -> None:
        self._paths: set[str] = set()
        self._above: set[str] = set()
        for slot in slots:
            parts = slot.operation.parts
            self._paths.add(slot.operation.path)
            self._above.update(path_of(parts[:depth]) for depth in range(1, len(parts)))

    def __contains__(self, leaf: str) -> bool:
        return leaf in self._above or any(path in self._paths for path in upwards(leaf))
