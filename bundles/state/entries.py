"""What processes write into their common log."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import attrs
import msgspec

from bundles.state.operations import Operation, unpack
from bundles.state.paths import parts_of
from bundles.state.tree import Change, Tree
from bundles.state.values import decode

Reads = dict[str, str | None]
"""What a transaction has read: the digest of the value by path."""


@attrs.frozen(eq=False)
class Unit:
    """Operations that belong together.

    Args:
        operations: in their order.
        reads: those of a transaction, which is carried out as a whole or not at all; None for
            plain operations, each of which is carried out if it is applicable.
        decided: in the process of a transaction, it is called with whether it was carried out.
        claim: whether the process claims the next turn from now on, if the unit is carried out;
            None if that does not change. See `Claims`.
    """

    operations: Sequence[Operation]
    reads: Reads | None = None
    decided: Callable[[bool], None] | None = None
    claim: bool | None = None

    def packed(self) -> list[Any]:
        fields = [[operation.packed() for operation in self.operations], self.reads]
        return fields if self.claim is None else [*fields, self.claim]

    @property
    def size(self) -> int:
        """About its bytes as JSON."""
        return sum(size_of(operation) for operation in self.operations)


@attrs.frozen(eq=False)
class Entry:
    """The units that a process writes at once.

    The numbers of a process rise, so an entry that was written twice is carried out once.
    """

    process: str
    number: int
    units: Sequence[Unit]

    @property
    def name(self) -> str:
        return f"{self.process}:{self.number}"

    def packed(self) -> bytes:
        units = [unit.packed() for unit in self.units]
        return msgspec.json.encode([self.process, self.number, units])


@attrs.frozen(eq=False)
class Logged:
    """An entry in the log.

    Args:
        position: 1 for the first entry, and one more for each other.
        before: the token of the log at the position before; empty for the first entry.
        size: the bytes of the entry.
    """

    position: int
    before: str
    entry: Entry
    size: int


@attrs.frozen(eq=False)
class Image:
    """What the log amounts to, up to *position*: a process that begins with it and carries out
    the later entries has the same values as all others.

    Args:
        token: that of the log at *position*.
        root: the tree.
        written: for each process that has written, its last number and the indexes of the
            transactions of that entry that were not carried out; in the order of the last writes.
    """

    position: int
    token: str
    root: dict[str, Any]
    written: dict[str, tuple[int, tuple[int, ...]]]

    def packed(self) -> bytes:
        written = [[process, *what] for process, what in self.written.items()]
        return msgspec.json.encode([self.root, written])


def paths_of(entries: Iterable[Logged]) -> Iterator[str]:
    """The paths of all operations of *entries*, and those that their transactions have read."""
    for logged in entries:
        for unit in logged.entry.units:
            yield from (operation.path for operation in unit.operations)
            yield from unit.reads or ()


def token_after(token: str, name: str) -> str:
    """The token of a log after the entry *name*, which was *token* before: two logs have the same
    one only if they have the same entries."""
    return hashlib.sha1(f"{token}:{name}".encode(), usedforsecurity=False).hexdigest()


def size_of(operation: Operation) -> int:
    return len(operation.path) + operation.size


def unpack_entry(data: bytes) -> Entry:
    """The reverse of `Entry.packed`.

    Raises:
        ValueError: *data* is something else.
    """
    match decode(data):
        case [str(process), int(number), [*units]]:
            return Entry(process, number, [_unpack_unit(unit) for unit in units])
    raise ValueError(f"{data!r:.100} is not an entry of a state")


def unpack_image(data: bytes, position: int, token: str) -> Image:
    """The reverse of `Image.packed`.

    Raises:
        ValueError: *data* is something else.
    """
    match decode(data):
        case [dict(root), [*written]]:
            table = {process: (number, tuple(failed)) for process, number, failed in written}
            return Image(position, token, root, table)
    raise ValueError(f"{data!r:.100} is not an image of a state")


def _unpack_unit(packed: Any) -> Unit:
    match packed:
        case [[*operations], dict() | None as reads]:
            claim = None
        case [[*operations], dict() | None as reads, bool(claim)]:
            pass
        case _:
            raise ValueError(f"{packed!r:.100} is not a unit of a state")
    for path in reads or ():
        parts_of(path)
    return Unit([unpack(operation) for operation in operations], reads, claim=claim)


def can_apply(operations: Sequence[Operation], tree: Tree) -> bool:
    """Whether all of *operations* are applicable, one after the other; *tree* stays as it is."""
    if len(operations) == 1:
        return operations[0].is_applicable(tree)
    done: list[Change] = []
    try:
        for operation in operations:
            if not operation.is_applicable(tree):
                return False
            if (change := operation.apply(tree)) is not None:
                done.append(change)
        return True
    finally:
        for change in reversed(done):
            tree.restore(change)
