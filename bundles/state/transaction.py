"""Changes that are carried out together or not at all."""

from bisect import bisect_right
from collections.abc import Callable, Iterator
from itertools import islice
from threading import get_ident
from typing import Any

from bundles.state.checks import increment_of, set_of
from bundles.state.entries import Unit, size_of
from bundles.state.exceptions import StateConflictException, StateFullException
from bundles.state.operations import Delete, Increment, Operation, Set
from bundles.state.paths import Parts, parts_of, upwards
from bundles.state.replica import Replica
from bundles.state.threads import check_thread
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
        self._at: dict[str, list[int]] = {}
        self._from: dict[str, list[int]] = {}
        self._set: dict[str, int] = {}
        self._set_below: dict[str, list[int]] = {}
        self._replaced: set[str] = set()
        self._size = 0
        self._is_open = True
        self._is_in_conflict = False
        self._thread = get_ident()

    def get(self, path: str, default: Any = None) -> Any:
        """See `State.get`. *path* must not be empty: read the paths that the changes depend on.

        Raises:
            StateConflictException: something that was read before has changed.
        """
        self._check_open()
        found = self._scratch(path, is_read=True).find(parts_of(path))
        return default if found is None else copy_of(found)

    def set(self, path: str, value: Any) -> None:
        """See `State.set`."""
        self._check_open()
        self._add(set_of(path, value, self._max_size, self._above(path)))

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

    def end(self, decided: Callable[[bool], None], claim: bool | None = None) -> Unit | None:
        """What is to be carried out; None if there are no changes: then it is not checked
        what was read.

        Raises:
            StateConflictException: a read has raised it before, and the caller has caught it.
        """
        self._is_open = False
        if self._is_in_conflict:
            raise StateConflictException(CONFLICT)
        if not self._operations:
            return None
        return Unit(self._operations, self._reads, decided, claim)

    def _add(self, operation: Operation) -> None:
        self._check_open()
        size = self._size + size_of(operation)
        if size > self._max_size:
            raise StateFullException(
                f"the changes of the transaction would have {size} bytes; "
                f"state.max_value_size is {self._max_size}"
            )
        self._size = size
        index = len(self._operations)
        self._operations.append(operation)
        self._at.setdefault(operation.path, []).append(index)
        for path in upwards(operation.path):
            self._from.setdefault(path, []).append(index)
        if not isinstance(operation, Increment):
            self._replaced.add(operation.path)
        if isinstance(operation, Set):
            self._set[operation.path] = index
            for above in islice(upwards(operation.path), 1, None):
                self._set_below.setdefault(above, []).append(index)

    def _check_open(self) -> None:
        check_thread(self._thread)
        if not self._is_open:
            raise RuntimeError("the transaction has ended; begin another one")

    def _scratch(self, path: str, *, is_read: bool) -> Tree:
        """A tree with the values at *path* as the transaction sees them."""
        parts = parts_of(path)
        found = {*self._from.get(path, ())}
        first = self._set.get(path, -1)
        for above in islice(upwards(path), 1, None):
            found.update(self._kinds_of(above))
            first = max(first, self._set.get(above, -1))
        if is_read and self._replaced.isdisjoint(upwards(path)):
            self._read(path)
        tree = Tree()
        if first < 0:
            # Otherwise a `set` replaces what the state has here, and a leaf above.
            self._copy(parts, tree)
        for index in sorted(found):
            if index >= first:
                self._operations[index].apply(tree)
        return tree

    def _above(self, path: str) -> Tree:
        """A tree with the leaf above *path* that the transaction sees, if there is one.

        Where that is easy to see, it is the tree of the process, not a copy.
        """
        tree = self._replica.tree
        is_changed = any(above in self._at for above in islice(upwards(path), 1, None))
        if is_changed or tree.leaf_above(parts_of(path)) is not None:
            return self._scratch(path, is_read=False)
        return tree

    def _kinds_of(self, path: str) -> Iterator[int]:
        """The indexes of the operations that make a leaf or a dict of *path*: those on it, and
        after the beginning and after each of them the first one that sets something below."""
        at = self._at.get(path, [])
        below = self._set_below.get(path, [])
        yield from at
        for index in (-1, *at):
            following = bisect_right(below, index)
            if following < len(below):
                yield below[following]

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
                self._is_in_conflict = True
                raise StateConflictException(CONFLICT)
            self._version = self._replica.version
        self._reads[path] = seen
