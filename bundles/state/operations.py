"""What can be done with one path. Each process carries out the same operations in one order."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import attrs

from bundles.state.paths import Parts, parts_of
from bundles.state.tree import Change, Tree
from bundles.state.values import is_number


class Operation(ABC):
    """One change of a tree. The result depends on the tree only.

    Attributes:
        size: about the bytes of the operation as JSON.
    """

    path: str
    parts: Parts
    size: int

    @abstractmethod
    def apply(self, tree: Tree) -> Change | None:
        """Change *tree*; None if there is nothing to change, or it is not applicable."""

    def is_applicable(self, tree: Tree) -> bool:
        return True

    def merge(self, later: "Operation") -> "Operation | None":
        """One operation with the effect of this one and then *later*, which has the same path;
        None if that needs two operations."""
        return later if type(later) is Set else None

    @abstractmethod
    def packed(self) -> list[Any]:
        """See `unpack`."""


@attrs.frozen
class Set(Operation):
    """Replaces what is at the path, and a leaf above it."""

    code: ClassVar[str] = "s"

    path: str
    parts: Parts
    value: Any
    size: int = 0

    def apply(self, tree: Tree) -> Change | None:
        return tree.put(self.parts, self.value)

    def merge(self, later: Operation) -> Operation | None:
        if type(later) is Increment and is_number(self.value):
            total = self.value + later.by
            return attrs.evolve(self, value=total) if is_number(total) else None
        return Operation.merge(self, later)

    def packed(self) -> list[Any]:
        return [self.code, self.path, self.value]


@attrs.frozen
class Increment(Operation):
    """Adds to a number; a missing one is 0. It is not applicable to other values, below a leaf,
    and if the sum has more than 64 bits."""

    code: ClassVar[str] = "i"

    path: str
    parts: Parts
    by: int | float
    size: int = 8

    def apply(self, tree: Tree) -> Change | None:
        total = self._total(tree)
        return None if total is None else tree.put(self.parts, total)

    def is_applicable(self, tree: Tree) -> bool:
        return self._total(tree) is not None

    def merge(self, later: Operation) -> Operation | None:
        """Only integers are added: the order in which floats are added changes their sum."""
        if type(later) is Increment and type(self.by) is int and type(later.by) is int:
            total = self.by + later.by
            return attrs.evolve(self, by=total) if is_number(total) else None
        return Operation.merge(self, later)

    def packed(self) -> list[Any]:
        return [self.code, self.path, self.by]

    def _total(self, tree: Tree) -> int | float | None:
        number = tree.find(self.parts)
        if number is None:
            return None if tree.leaf_above(self.parts) else self.by
        if type(number) not in (int, float):
            return None
        total: int | float = number + self.by
        return total if is_number(total) else None


@attrs.frozen
class Delete(Operation):
    """Removes what is at the path."""

    code: ClassVar[str] = "d"

    path: str
    parts: Parts
    size: int = 0

    def apply(self, tree: Tree) -> Change | None:
        return tree.remove(self.parts)

    def packed(self) -> list[Any]:
        return [self.code, self.path]


def unpack(packed: list[Any]) -> Operation:
    """``["s", path, value]``, ``["i", path, number]`` or ``["d", path]``.

    Raises:
        ValueError: it is something else.
    """
    match packed:
        case ["s", str(path), value] if value is not None:
            return Set(path, parts_of(path), value)
        case ["i", str(path), by] if is_number(by):
            return Increment(path, parts_of(path), by)
        case ["d", str(path)]:
            return Delete(path, parts_of(path))
    raise ValueError(f"{packed!r:.100} is not an operation of a state")
