"""Entries of other processes revert the pending operations on their paths, and no others."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from bundles.state.entries import Entry, Logged, Unit
from bundles.state.operations import Delete, Increment, Operation, Set
from bundles.state.paths import parts_of
from bundles.state.replica import Replica
from bundles.state.tree import Tree
from bundles.state.values import copy_of, digest
from tests.bundles.state.test_replicas import operations


class Pair:
    """A process, and the state by the entries of the others alone."""

    def __init__(self) -> None:
        self.replica = Replica("here")
        self.base = Tree()

    def change(self, operation: Operation) -> None:
        self.replica.change(operation, lambda tree: True)

    def receive(self, operation: Operation) -> None:
        replica = self.replica
        operation.apply(self.base)
        entry = Entry("there", replica.position + 1, [Unit([operation])])
        replica.receive([Logged(replica.position + 1, replica.token, entry, 0)])

    def without_changes(self) -> Tree:
        tree = _copy(self.replica.tree)
        for slot in reversed(self.replica.own.slots):
            if slot.change is not None:
                tree.restore(slot.change)
        return tree

    def with_changes(self) -> Tree:
        tree = _copy(self.base)
        for slot in self.replica.own.slots:
            slot.operation.apply(tree)
        return tree


def _copy(tree: Tree) -> Tree:
    copy = Tree()
    copy.replace_all(copy_of(tree.root))
    return copy


def increment(path: str, by: float = 1) -> Operation:
    return Increment(path, parts_of(path), by)


SUM_OF_FLOATS = [(False, increment("a", by)) for by in (0.1, 1, -1)]

SET_AFTER_NOTHING_WAS_DELETED = [
    (False, Delete("a.b", ("a", "b"))),
    (False, increment("a.d")),
    (True, Set("a", ("a",), 1)),
    (False, Set("a.b", ("a", "b"), 1)),
]
"""The increment has no effect below a value, but would have one after the last operation."""


@settings(max_examples=4 * settings().max_examples)
@given(st.lists(st.tuples(st.booleans(), operations), max_size=10))
@example(SUM_OF_FLOATS)
@example(SET_AFTER_NOTHING_WAS_DELETED)
def test_pending_operations_are_applied_after_entries_of_others(
    steps: list[tuple[bool, Operation]],
) -> None:
    pair = Pair()
    for is_remote, operation in steps:
        if is_remote:
            pair.receive(operation)
        else:
            pair.change(operation)
        assert digest(pair.without_changes().root) == digest(pair.base.root)
        assert digest(pair.with_changes().root) == digest(pair.replica.tree.root)


def test_entry_of_others_reverts_pending_operations_on_its_paths_only() -> None:
    pair = Pair()
    for path in ("a.b", "a.c", "d", "a.b.x"):
        pair.receive(increment(path))
    for path in ("a.b", "a.c", "d"):
        pair.change(increment(path))
    first, *others = pair.replica.own.slots
    changes = [slot.change for slot in others]
    before = first.change
    pair.receive(Set("a.b", ("a", "b"), 5))
    assert first.change is not before
    assert [slot.change for slot in others] == changes
    assert pair.replica.tree.root == {"a": {"b": 6, "c": 2}, "d": 2}


@given(
    st.lists(st.tuples(st.booleans(), operations), max_size=10),
    st.lists(st.tuples(st.booleans(), operations), max_size=5),
)
def test_snapshot_has_the_values_of_the_log_at_its_time(
    steps: list[tuple[bool, Operation]], later: list[tuple[bool, Operation]]
) -> None:
    pair = Pair()
    for is_remote, operation in steps:
        (pair.receive if is_remote else pair.change)(operation)
    seen, expected = digest(pair.replica.tree.root), digest(pair.base.root)
    snapshot = pair.replica.snapshot()
    assert digest(pair.replica.tree.root) == seen
    for is_remote, operation in later:
        (pair.receive if is_remote else pair.change)(operation)
    seen = digest(pair.replica.tree.root)

    assert digest(snapshot.image().root) == expected
    assert digest(pair.replica.tree.root) == seen
    assert digest(pair.with_changes().root) == seen
