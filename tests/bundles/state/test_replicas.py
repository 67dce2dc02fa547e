"""Processes that follow one log have the same values in the end, also if the log fails."""

from contextlib import suppress
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
)

from bundles.state.entries import Entry, Logged, Unit, unpack_entry, unpack_image
from bundles.state.operations import Delete, Increment, Operation, Set
from bundles.state.paths import parts_of
from bundles.state.replica import Replica
from bundles.state.transaction import Transaction
from bundles.state.tree import Tree
from bundles.state.values import copy_of, digest, leaves_of, measure
from tests.bundles.state.logs import Log, Node

PATHS = ("a", "a.b", "a.b.c", "a.d", "e")
COUNTER = "count"
VALUES: list[Any] = [1, 2.5, True, "text", [1, {"x": None}], {"b": 1}, {"b": {"c": 2}, "d": "x"}]

nodes = st.integers(0, 2)
paths = st.sampled_from(PATHS)


def operation_of(kind: str, path: str, value: Any, by: float) -> Operation:
    parts = parts_of(path)
    match kind:
        case "set":
            return Set(path, parts, value)
        case "delete":
            return Delete(path, parts)
    return Increment(path, parts, by)


operations = st.builds(
    operation_of,
    st.sampled_from(["set", "delete", "increment", "increment"]),
    paths,
    st.sampled_from(VALUES),
    st.sampled_from([1, -1, 3, 0.1, 2**62]),
)


@attrs.define(eq=False)
class Attempt:
    """A transaction: its reads, its operations, and whether it was executed."""

    seen: dict[str, Any]
    operations: list[Operation]
    outcome: bool | None = None

    def decided(self, is_committed: bool) -> None:
        assert self.outcome is None
        self.outcome = is_committed


@settings(max_examples=100, deadline=None)
@given(st.lists(operations, max_size=4), st.lists(operations, max_size=8))
def test_transaction_reads_the_results_of_its_own_operations(
    before: list[Operation], within: list[Operation]
) -> None:
    """This is checked for each path, although a read executes only the operations on its path.
    The transaction sets nothing below a value."""
    replica, expected = Replica("here"), Tree()
    for operation in before:
        operation.apply(expected)
        replica.change(operation, lambda tree: True)
    transaction = Transaction(replica, 10_000)
    for operation in within:
        match operation:
            case Set(path, parts, value):
                if expected.leaf_above(parts) is not None:
                    with pytest.raises(TypeError, match="below"):
                        transaction.set(path, value)
                    continue
                transaction.set(path, value)
            case Increment(path, _, by):
                with suppress(TypeError, OverflowError):
                    transaction.increment(path, by)
            case _:
                transaction.delete(operation.path)
        operation.apply(expected)
        for path in PATHS:
            assert digest(transaction.get(path)) == digest(expected.find(parts_of(path)))


@pytest.mark.parametrize("data", [b"", b"[]", b"[" * 100_000], ids=len)
def test_invalid_data_is_rejected_as_entry_and_as_image(data: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - of the decoder, or ours
        unpack_entry(data)
    with pytest.raises(ValueError):  # noqa: PT011 - as above
        unpack_image(data, 1, "")


def test_long_path_of_another_version_does_not_lose_notes() -> None:
    notes: list[Any] = []
    replica = Replica("here", notes.extend)
    replica.is_watched = True
    name = "k" * 1000
    replica.change(Set("a", ("a",), {name: 1}), lambda tree: True)
    notes.clear()
    other = Entry("there", 1, [Unit([operation_of("set", "a", {name: 2}, 0)])])
    replica.receive([Logged(1, "", other, 10)])
    other = Entry("there", 2, [Unit([operation_of("set", "e", 1, 0)])])
    replica.receive([Logged(2, replica.token, other, 10)])
    assert notes == [("e", 1, True)]


class Serial:
    """Executes entries one after the other, by a second implementation of the rules."""

    def __init__(self) -> None:
        self.leaves: dict[str, Any] = {}
        self._done: set[str] = set()

    def carry_out(self, entry: Entry) -> None:
        if entry.name in self._done:
            return
        self._done.add(entry.name)
        for unit in entry.units:
            attempt = getattr(unit.decided, "__self__", None)
            if isinstance(attempt, Attempt):
                before = dict(self.leaves)
                is_same = all(
                    digest(self.value_at(path)) == digest(seen)
                    for path, seen in attempt.seen.items()
                )
                can_do = all(self.apply(operation) for operation in unit.operations)
                assert attempt.outcome is (is_same and can_do)
                if not attempt.outcome:
                    self.leaves = before
            else:
                for operation in unit.operations:
                    self.apply(operation)

    def value_at(self, path: str) -> Any:
        if path in self.leaves:
            return self.leaves[path]
        found: dict[str, Any] = {}
        for leaf, value in self.leaves.items():
            if leaf.startswith(f"{path}."):
                *parents, last = leaf.removeprefix(f"{path}.").split(".")
                node = found
                for parent in parents:
                    node = node.setdefault(parent, {})
                node[last] = value
        return found or None

    def apply(self, operation: Operation) -> bool:
        """Execute the operation, and return whether it was applicable."""
        path = operation.path
        above = {".".join(operation.parts[:depth]) for depth in range(1, len(operation.parts))}
        below = {leaf for leaf in self.leaves if f"{leaf}.".startswith(f"{path}.")}
        if isinstance(operation, Increment):
            old = self.leaves.get(path, 0)
            total = old + operation.by if type(old) in (int, float) else None
            if above & self.leaves.keys() or below - {path} or total is None:
                return False
            if type(total) is int and not -(2**63) <= total < 2**63:
                return False
            self.leaves[path] = total
            return True
        removed = below if isinstance(operation, Delete) else above | below
        for leaf in removed:
            self.leaves.pop(leaf, None)
        if isinstance(operation, Set):
            self.leaves.update(leaves_of(operation.value, path))
        return True


def _fits(tree: object) -> bool:
    return True


class Processes(RuleBasedStateMachine):
    """Three processes. The log loses no entry, so transactions are serializable in its order."""

    def __init__(self) -> None:
        super().__init__()
        self.log = Log()
        self.nodes = [Node(f"p{number}", self.log) for number in range(3)]
        self.count = 0
        self.attempts: list[Attempt] = []
        self.reader = Replica("reader")
        self.read_values = [digest({})]

    @rule(node=nodes, operation=operations)
    def change(self, node: int, operation: Operation) -> None:
        self.nodes[node].replica.change(operation, lambda tree: True)

    @rule(node=nodes, by=st.integers(-3, 3))
    def increment(self, node: int, by: int) -> None:
        self.count += by
        self.change(node, Increment(COUNTER, (COUNTER,), by))

    @rule(node=nodes, read=st.lists(paths, max_size=2), writes=st.lists(operations, max_size=3))
    def transact(self, node: int, read: list[str], writes: list[Operation]) -> None:
        replica = self.nodes[node].replica
        seen = {path: copy_of(replica.tree.find(parts_of(path))) for path in read}
        attempt = Attempt(seen, writes)
        self.attempts.append(attempt)
        reads = {path: replica.digest_at(path) for path in read}
        replica.own.submit(Unit(writes, reads, attempt.decided))

    @rule(node=nodes)
    def write(self, node: int) -> None:
        """Write also a second time, as a process that has received no reply."""
        self.nodes[node].write()

    @rule(node=nodes, count=st.integers(1, 3))
    def read(self, node: int, count: int) -> None:
        self.nodes[node].read(count)

    @rule(node=nodes)
    def save_image(self, node: int) -> None:
        if self.nodes[node].is_connected:
            self.log.save_image(self.nodes[node].replica)

    @invariant()
    def watcher_knows_every_leaf(self) -> None:
        for node in self.nodes:
            assert node.leaves == dict(leaves_of(node.replica.tree.root, ""))

    @invariant()
    def tree_is_what_its_log_and_its_changes_make(self) -> None:
        for node in self.nodes:
            tree = node.replica.tree
            assert (tree.paths + 1, tree.size) == measure(tree.root)

    @invariant()
    def changes_of_a_process_are_on_top_of_the_log(self) -> None:
        """Without its own changes, a process has the values of a process without changes, at the
        same position."""
        for entry in self.log.history[self.reader.position :]:
            logged = Logged(self.reader.position + 1, self.reader.token, entry, 0)
            self.reader.receive([logged])
            self.read_values.append(digest(self.reader.tree.root))
        for node in self.nodes:
            tree = Tree()
            tree.replace_all(copy_of(node.replica.tree.root))
            for slot in reversed(node.replica.own.slots):
                if slot.change is not None:
                    tree.restore(slot.change)
            assert digest(tree.root) == self.read_values[node.replica.position]

    @invariant()
    def cache_has_only_present_leaves(self) -> None:
        for node in self.nodes:
            tree = node.replica.tree
            for path, value in tree.cache.items():
                assert tree.find(parts_of(path)) is value
            for path in PATHS:
                tree.remember(path, tree.find(parts_of(path)))

    def teardown(self) -> None:
        replicas = [node.replica for node in self.nodes]
        for _ in range(10):
            for node in self.nodes:
                node.settle()
        assert len({(replica.epoch, replica.position) for replica in replicas}) == 1
        images = [node.replica.snapshot().image() for node in self.nodes]
        assert len({digest(image.root) for image in images}) == 1
        assert len({(image.position, *image.written.items()) for image in images}) == 1
        assert self.nodes[0].replica.tree.find((COUNTER,)) in (self.count, self.count or None)
        assert all(attempt.outcome is not None for attempt in self.attempts)
        for node in self.nodes:
            assert node.replica.own.size == 0
        self.check_order()

    def check_order(self) -> None:
        """The entries, executed one after the other, have these results."""
        serial = Serial()
        for entry in self.log.history:
            serial.carry_out(entry)
        assert serial.leaves == self.nodes[0].leaves


class Restarts(Processes):
    """The log is lost, or is restored to an earlier state."""

    @rule()
    def lose(self) -> None:
        self.log.contents = None

    @rule()
    def keep(self) -> None:
        self.log.keep()

    @precondition(lambda self: self.log.saved is not None)
    @rule()
    def restart(self) -> None:
        self.log.restart()

    def changes_of_a_process_are_on_top_of_the_log(self) -> None:
        """Nothing to check, since the log may be another one."""

    def check_order(self) -> None:
        """Nothing to check, since the reads of a transaction may be lost."""

    @rule(node=nodes)
    def disconnect(self, node: int) -> None:
        self.nodes[node].is_connected = False


EXAMPLES = settings(max_examples=settings().max_examples // 4, stateful_step_count=30)

TestProcesses = Processes.TestCase
TestProcesses.settings = EXAMPLES
TestRestarts = Restarts.TestCase
TestRestarts.settings = EXAMPLES


def test_log_with_the_same_last_entry_and_other_earlier_ones_is_another_log() -> None:
    """Redis has lost two entries, and has received one of them and a further one again."""
    log = Log()
    first, second, third = (Node(name, log) for name in ("first", "second", "third"))
    for node in (first, second, third):
        node.connect()
    log.keep()
    for node in (first, second):
        node.replica.change(Increment("a", ("a",), 1), lambda tree: True)
        node.write()
    first.read()
    log.restart()
    third.replica.change(Increment("a", ("a",), 1), lambda tree: True)
    third.write()
    second.is_connected = False
    second.connect()
    second.write()
    assert log.head is not None
    assert log.head.position == first.replica.position
    for node in (first, second, third, first, second):
        node.settle()
    assert [node.leaves for node in (first, second, third)] == [{"a": 3}] * 3


def test_log_from_before_it_was_emptied_is_not_followed_again() -> None:
    """Redis has restored a log from before it was emptied."""
    log = Log()
    node = Node("node", log)
    for _ in range(2):
        node.replica.change(Increment("a", ("a",), 1), lambda tree: True)
        node.settle()
    log.keep()
    log.contents = None
    node.replica.change(Increment("a", ("a",), 1), lambda tree: True)
    node.settle()
    log.restart()
    node.settle()
    assert node.leaves == {"a": 3}
    late = Node("late", log)
    late.settle()
    assert late.leaves == {"a": 3}


@pytest.mark.parametrize("is_pending", [False, True])
def test_process_whose_entries_are_lost_can_go_on(is_pending: bool) -> None:
    """The process keeps only its last own entries, and Redis has lost all entries."""
    log = Log()
    first, second = Node("first", log), Node("second", log)
    first.connect()
    second.connect()
    log.keep()
    for number in range(5):
        value = f"{number}" * 700_000
        first.replica.change(Set("large", ("large",), value, len(value)), lambda tree: True)
        first.settle()
    log.restart()
    for _ in range(6):
        second.replica.change(Increment("a", ("a",), 1), lambda tree: True)
        second.settle()
    if is_pending:
        first.replica.change(Increment("a", ("a",), 1), lambda tree: True)
    first.settle()
    first.replica.change(Increment("a", ("a",), 1), lambda tree: True)
    first.settle()
    second.settle()
    assert first.leaves == second.leaves
    assert first.leaves["a"] == 7 + is_pending
    assert first.replica.own.size == 0


def test_change_counts_once_if_the_log_has_own_entries_that_are_not_kept() -> None:
    """The image is older than these entries, and the log loses one entry of another process."""
    log = Log()
    first, second, third = (Node(name, log) for name in ("first", "second", "third"))

    def put(node: Node, path: str, value: str) -> None:
        node.replica.change(Set(path, (path,), value, len(value)), lambda tree: True)
        node.settle()

    for number in range(5):
        put(first, f"large{number}", "x" * 500_000)
    log.save_image(first.replica)
    for number in range(3):
        put(first, f"large{number}", "y" * 500_000)
    second.settle()
    log.keep()
    put(second, "lost", "x")
    first.settle()
    log.restart()
    put(third, "a", "x")
    put(third, "b", "x")
    first.replica.change(Increment("n", ("n",), 1), lambda tree: True)
    first.write()
    for node in (first, second, third, first, second, third):
        node.settle()
    assert [node.leaves["n"] for node in (first, second, third)] == [1, 1, 1]
    assert first.leaves == second.leaves == third.leaves


def test_late_process_writes_only_its_own_changes_to_a_new_log() -> None:
    log = Log()
    first, ended, new = (Node(name, log) for name in ("first", "ended", "new"))
    for node in (first, ended):
        name = node.replica.own.process
        node.replica.change(Increment(name, (name,), 1), _fits)
        node.settle()
    first.settle()
    log.contents = None
    for number in range(3):
        path = f"large{number}"
        new.replica.change(Set(path, (path,), "x" * 500_000, 500_000), _fits)
        new.settle()
    assert new.replica.needs_image
    log.save_image(new.replica)
    for node in (first, new):
        node.settle()
    assert first.leaves == new.leaves
    assert first.leaves.keys() == {"large0", "large1", "large2", "first"}


def test_lost_transaction_is_carried_out_again_without_its_reads() -> None:
    log = Log()
    first, second = Node("first", log), Node("second", log)
    first.replica.change(Increment("a", ("a",), 10), _fits)
    first.settle()
    second.settle()
    log.keep()
    outcomes: list[bool] = []

    def take(node: Node) -> None:
        reads = {"a": node.replica.digest_at("a")}
        node.replica.own.submit(Unit([Increment("a", ("a",), -7)], reads, outcomes.append))
        node.settle()

    take(first)
    log.restart()
    take(second)
    first.settle()
    second.settle()
    assert outcomes == [True, True]
    assert first.leaves == second.leaves == {"a": -4}


def test_many_changes_are_written_in_several_entries() -> None:
    """This happens after an outage. An entry has at most about half a megabyte."""
    log = Log()
    first, second = Node("first", log), Node("second", log)
    first.connect()
    for number in range(5):
        path = f"large.{number}"
        operation = Set(path, parts_of(path), "x" * 200_000, 200_000)
        first.replica.change(operation, lambda tree: True)
    first.replica.change(Increment("a", ("a",), 1), lambda tree: True)
    first.write()
    assert first.replica.own.is_queued
    first.replica.change(Increment("a", ("a",), 1), lambda tree: True)
    first.settle()
    second.settle()
    assert first.replica.position == 3
    assert second.leaves == first.leaves
    assert second.leaves["a"] == 2


def test_increment_after_one_without_effect_is_carried_out_alone() -> None:
    """The value with the sum of both has more than 64 bits, so the sum would have no effect."""
    log = Log()
    first, second = Node("first", log), Node("second", log)
    first.connect()
    for by in (2**62, 2**62, 3):
        first.replica.change(Increment("a", ("a",), by), lambda tree: True)
    first.settle()
    second.settle()
    assert first.leaves == second.leaves == {"a": 2**62 + 3}
