"""The changes of this process that the log does not contain yet."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from bundles.state.operations import Increment
from bundles.state.paths import path_of, upwards
from bundles.state.pending import Slot
from bundles.state.tree import Change, Tree


class Overlay:
    """The pending operations, as they are carried out in the tree. They are taken back where
    entries of others need the values of the log: only those that concern the same paths, since
    there may be many, and such entries are frequent.

    The region of an operation is the path of which it changes the value, or whose value decides
    that it changes nothing. Two operations depend on each other only if one region is at, above or
    below the other.
    """

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._at: dict[str, set[Slot]] = {}
        self._below: dict[str, set[Slot]] = {}
        self._last = 0

    def push(self, slot: Slot) -> None:
        """*slot* was carried out, after all others."""
        self._last += 1
        slot.number = self._last
        self._file(slot, self._region_of(slot))

    def update(self, slot: Slot) -> None:
        """The change of *slot* may be another one now."""
        region = self._region_of(slot)
        if region != slot.region:
            self.drop(slot)
            self._file(slot, region)

    def drop(self, slot: Slot) -> None:
        """The log contains *slot* now, if it is one of these."""
        if not slot.region:
            return
        first, *above = upwards(slot.region)
        _discard(self._at, first, slot)
        for path in above:
            _discard(self._below, path, slot)
        slot.region = ""

    def replace_all(self, slots: Sequence[Slot]) -> None:
        """Carry *slots* out in another tree, in place of those before."""
        self._at, self._below, self._last = {}, {}, 0
        for slot in slots:
            slot.change = slot.operation.apply(self._tree)
            self.push(slot)

    def concerned(self, paths: Iterable[str]) -> list[Slot]:
        """The operations on which the values at *paths* depend, or that depend on these, and then
        those that depend on one of them, in their order."""
        found: set[Slot] = set()
        seen: set[str] = set()
        waiting = list(paths)
        while waiting:
            path = waiting.pop()
            if not seen.isdisjoint(upwards(path)):
                continue
            seen.add(path)
            above = (self._at.get(up, ()) for up in upwards(path))
            for slot in {*self._below.get(path, ()), *chain.from_iterable(above)} - found:
                found.add(slot)
                waiting.append(slot.region)
        return sorted(found, key=lambda slot: slot.number)

    def undo(self, slots: Sequence[Slot]) -> Iterator[Change]:
        """Take *slots* back, the last one first, each when its change is asked for."""
        for slot in reversed(slots):
            if slot.change is not None:
                change = self._tree.restore(slot.change)
                if change is not None:
                    yield change

    def redo(self, slots: Sequence[Slot]) -> Iterator[Change]:
        """Carry those of *slots* out again that are still pending, each when its change is asked
        for."""
        for slot in slots:
            if slot.region:
                slot.change = slot.operation.apply(self._tree)
                self.update(slot)
                if slot.change is not None:
                    yield slot.change

    def _region_of(self, slot: Slot) -> str:
        operation, change = slot.operation, slot.change
        if change is not None:
            is_own = len(change.root) == len(operation.parts)
            return operation.path if is_own else path_of(change.root)
        if isinstance(operation, Increment):
            return path_of(self._tree.leaf_above(operation.parts) or operation.parts)
        return operation.path

    def _file(self, slot: Slot, region: str) -> None:
        slot.region = region
        first, *above = upwards(region)
        self._at.setdefault(first, set()).add(slot)
        for path in above:
            self._below.setdefault(path, set()).add(slot)


def _discard(index: dict[str, set[Slot]], path: str, slot: Slot) -> None:
    found = index[path]
    found.discard(slot)
    if not found:
        del index[path]
