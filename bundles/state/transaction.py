"""Changes that are carried out together or not at all."""

from collections.abc import Callable
from typing import Any

from bundles.state.checks import increment_of, set_of
from bundles.state.entries import Unit, size_of
from bundles.state.exceptions import StateConflictException
from bundles.state.operations import Delete, Increment, Operation
from bundles.state.paths import Parts, parts_of
from bundles.state.replica import Replica
from bundles.state.tree import Tree
from bundles.state.values import check_number, copy_of

CONFLICT = "what the transaction has read was changed by others; run it again"


class Transaction:
    """Reads see the state and the changes of the transaction itself. What was read at different
    times is the state of one moment: a read raises if something that was read before has changed.

    Nothing of it is visible elsewhere until it is carried out.
    """

    def __init__(self, replica: Replica, max_size: int) -> None:
        self._replica = replica
        self._max_size = max_size
        self._version = replica.version
        self._reads: dict[str, str | None] = {}
        self._operations: list[Operation] = []
        self._size = 0
        self._is_open = True

    def get(self, path: str, default: Any = None) -> Any:
        """See `State.get`.

        Raises:
            StateConflictException: something that was read before has changed.
        """
        self._check_open()
        found = self._scratch(path, is_read=True).find(parts_of(path))
        return default if found is None else copy_of(found)

    def set(self, path: str, value: Any) -> None:
        """See `State.set`."""
        self._add(set_of(path, value, self._max_size))

    def increment(self, path: str, by: float = 1) -> None:
        """See `State.increment`. It is not a read: others may change the number meanwhile."""
        self._check_open()
        self._add(increment_of(path, by, self._scratch(path, is_read=False)))

    def decrement(self, path: str, by: float = 1) -> None:
        """See `increment`."""
        self.increment(path, -check_number(by, path))

    def delete(self, path: str) -> None:
        """See `State.delete`."""
        self._add(Delete(path, parts_of(path)))

    def rollback(self) -> None:
        """End the transaction without any change."""
        self._operations.clear()
        self._is_open = False

    def end(self, decided: Callable[[bool], None]) -> Unit | None:
        """What is to be carried out; None if there are no changes."""
        self._is_open = False
        return Unit(self._operations, self._reads, decided) if self._operations else None

    def _add(self, operation: Operation) -> None:
        self._check_open()
        self._size += size_of(operation)
        if self._size > self._max_size:
            raise ValueError(
                f"the changes of the transaction have more than {self._max_size} bytes, which "
                f"state.max_value_size allows"
            )
        self._operations.append(operation)

    def _check_open(self) -> None:
        if not self._is_open:
            raise RuntimeError("the transaction has ended; begin another one")

    def _scratch(self, path: str, *, is_read: bool) -> Tree:
        """A tree with the values at *path* as the transaction sees them."""
        parts = parts_of(path)
        first, is_covered = self._first_of(parts)
        tree = Tree()
        if not is_covered:
            if is_read:
                self._read(path)
            self._copy(parts, tree)
        for operation in self._operations[first:]:
            if _overlap(operation.parts, parts):
                operation.apply(tree)
        return tree

    def _first_of(self, parts: Parts) -> tuple[int, bool]:
        """The index of the last operation that replaces everything at *parts*, and whether there
        is one."""
        for index in range(len(self._operations) - 1, -1, -1):
            operation = self._operations[index]
            covers = operation.parts == parts[: len(operation.parts)]
            if covers and not isinstance(operation, Increment):
                return index, True
        return 0, False

    def _copy(self, parts: Parts, tree: Tree) -> None:
        """Copy what is at *parts*, or the leaf above, from the state to *tree*."""
        for depth in range(1, len(parts) + 1):
            found = self._replica.tree.find(parts[:depth])
            if found is not None and (depth == len(parts) or type(found) is not dict):
                tree.put(parts[:depth], found)

    def _read(self, path: str) -> None:
        seen = self._replica.digest_at(path)
        if self._version != self._replica.version:
            now = {read: self._replica.digest_at(read) for read in self._reads}
            if now != self._reads:
                self.rollback()
                raise StateConflictException(CONFLICT)
            self._version = self._replica.version
        self._reads[path] = seen


def _overlap(one: Parts, other: Parts) -> bool:
    length = min(len(one), len(other))
    return one[:length] == other[:length]
