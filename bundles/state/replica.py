"""The state of one process: what the log says, and then what the process itself has changed.

All processes carry out the entries of one log in its order, so they have the same values. A
process sees its own changes at once: they are carried out on top of the log, are taken back when
entries of others arrive, and are carried out again after these.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from typing import Any

import attrs

from bundles.state.claims import Claims
from bundles.state.entries import Entry, Image, Logged, Unit, can_apply, paths_of, token_after
from bundles.state.operations import Increment, Operation
from bundles.state.overlay import Overlay
from bundles.state.own_entries import OwnEntries
from bundles.state.paths import parts_of
from bundles.state.pending import Overlaps, Slot
from bundles.state.snapshot import Snapshot
from bundles.state.tree import Change, Tree
from bundles.state.values import digest, fork, is_same

_SMALLEST_INTERVAL = 1_048_576
"""Bytes of the log between two images."""

_MOST_WRITERS = 1000
"""Processes whose last numbers are known."""

Note = tuple[str, Any, bool]
"""A leaf has changed: its path, its value or None if it was removed, whether others did it."""


class Course(Enum):
    """What a process has to do to follow the log that it has found."""

    FOLLOW = "follow"
    """Read the entries after its position."""

    LOAD = "load"
    """Begin with the image of the log: it is another log, or entries are missing."""

    SEED = "seed"
    """Begin a new log with its own values: the log was lost, or a part that the process knows."""


@attrs.frozen
class Head:
    """What is known of a log without reading it.

    Attributes:
        epoch: its name.
        position: that of its last entry.
        token: what `token_after` makes of all its entries.
        trimmed: the position up to which entries were removed.
        parent: the name of the log before it, which was lost; may be empty.
        parent_position: where the process was that began this log, in the one before.
        image_position: the position of its image.
    """

    epoch: str
    position: int
    token: str
    trimmed: int
    parent: str
    parent_position: int
    image_position: int


class GapError(Exception):
    """An entry does not follow the last one: some are missing, or the log is another one."""


class Replica:
    """It does no input and output.

    Args:
        process: the name of the process, another one for each start.
        changed: is called with the changed leaves, after they are in the tree.

    Attributes:
        tree: what the process sees.
        epoch: the name of the log; empty before the first one is known.
        position: that of the last entry that was carried out.
        token: that of the log at this position.
        own: what it writes.
        logged_size: the bytes of the entries since the image.
        version: changes with each change of the tree.
        skipped: own increments that were not applicable when the log was carried out.
        claims: those of all processes; not in the image, so a new process may know fewer.
    """

    def __init__(
        self, process: str, changed: Callable[[Sequence[Note]], None] = lambda notes: None
    ) -> None:
        self.tree = Tree()
        self._overlay = Overlay(self.tree)
        self.own = OwnEntries(process, self._overlay)
        self.epoch = ""
        self.position = 0
        self.token = ""
        self.logged_size = 0
        self.skipped = 0
        self.version = 0
        self.is_watched = False
        self.claims = Claims()
        self._changed = changed
        self._past: set[str] = set()
        self._written: dict[str, tuple[int, tuple[int, ...]]] = {}
        self._image_size = 0

    # Changes of this process

    def change(self, operation: Operation, fits: Callable[[Tree], bool]) -> bool:
        """Carry out *operation*, and keep it for the log; does neither and returns False if the
        tree has grown and does not satisfy *fits*."""
        paths, size = self.tree.paths, self.tree.size
        change = operation.apply(self.tree)
        if change is not None and self._is_larger(paths, size) and not fits(self.tree):
            self.tree.restore(change)
            return False
        self.own.add(operation, change)
        self.version += 1
        if change is not None and self.is_watched:
            self._changed([(path, value, False) for path, _, value in change.leaves()])
        return True

    def would_fit(self, operations: Iterable[Operation], fits: Callable[[Tree], bool]) -> bool:
        """Whether the tree satisfies *fits* after *operations*, or does not grow."""
        tree = self.tree
        paths, size = tree.paths, tree.size
        done = [change for operation in operations if (change := operation.apply(tree))]
        is_fit = not self._is_larger(paths, size) or fits(tree)
        for change in reversed(done):
            tree.restore(change)
        return is_fit

    def _is_larger(self, paths: int, size: int) -> bool:
        return self.tree.paths > paths or self.tree.size > size

    def digest_at(self, path: str) -> str | None:
        return digest(self.tree.find(parts_of(path)))

    # The log

    def receive(self, entries: Iterable[Logged]) -> None:
        """Carry out *entries*, which come after those before.

        Raises:
            GapError: one does not; those before it were carried out.
        """
        rest = deque(entries)
        while rest and self._confirm_expected(rest[0]):
            rest.popleft()
        if not rest:
            return
        self.version += 1
        notes: list[Note] = []
        try:
            if slots := self._overlay.concerned(paths_of(rest)):
                self._rebase(rest, slots, notes)
            else:
                for logged in rest:
                    for change, is_remote in self._carry_out(logged):
                        if self.is_watched:
                            notes += ((path, new, is_remote) for path, _, new in change.leaves())
        finally:
            if notes:
                self._changed(notes)

    def _confirm_expected(self, logged: Logged) -> bool:
        """Confirm an own entry that is the next one on top of the log here, too; False if it is
        another one."""
        entry, first = logged.entry, self.own.outgoing
        if first is None or entry.name != first.entry.name or not self._is_next(entry):
            return False
        if not first.is_plain or any(unit.reads is not None for unit in entry.units):
            return False
        self._advance(logged)
        self.skipped += sum(
            1
            for slot in first.slots
            if slot.change is None and isinstance(slot.operation, Increment)
        )
        self._write_down(entry, ())
        self.own.confirm(entry.number, ())
        return True

    def _advance(self, logged: Logged) -> None:
        if logged.position != self.position + 1 or logged.before != self.token:
            raise GapError
        self.position = logged.position
        self.token = token_after(self.token, logged.entry.name)
        self.logged_size += logged.size

    def _rebase(self, entries: Iterable[Logged], slots: list[Slot], notes: list[Note]) -> None:
        """Carry out *entries* below *slots*, the pending operations that they concern.

        Each change of a leaf is noted, but where pending operations decide about the value, only
        the difference between the values before and after all of it is.
        """
        overlaps = Overlaps(slots) if self.is_watched else Overlaps(())
        before: dict[str, Any] = {}
        remote: set[str] = set()
        for change in self._overlay.undo(slots):
            self._keep(change, before)
        try:
            for logged in entries:
                for change, is_remote in self._carry_out(logged):
                    if not self.is_watched:
                        continue
                    for path, old, new in change.leaves():
                        if path not in overlaps:
                            notes.append((path, new, is_remote))
                            continue
                        before.setdefault(path, old)
                        if is_remote:
                            remote.add(path)
        finally:
            for change in self._overlay.redo(slots):
                self._keep(change, before)
            for path, old in before.items():
                new = self.tree.find(tuple(path.split(".")))
                new = None if type(new) is dict else new
                if not is_same(old, new):
                    notes.append((path, new, path in remote))

    def _keep(self, change: Change, before: dict[str, Any]) -> None:
        if self.is_watched:
            for path, old, _ in change.leaves():
                before.setdefault(path, old)

    def _carry_out(self, logged: Logged) -> Iterable[tuple[Change, bool]]:
        self._advance(logged)
        entry = logged.entry
        if not self._is_next(entry):
            return
        is_own = entry.process == self.own.process
        failed = []
        for index, unit in enumerate(entry.units):
            if unit.reads is not None and not self._may_commit(unit):
                failed.append(index)
                continue
            for operation in unit.operations:
                if (change := operation.apply(self.tree)) is not None:
                    yield change, not is_own
                elif is_own and isinstance(operation, Increment):
                    self.skipped += 1
            if unit.claim is not None:
                self.claims.note(entry.process, unit.claim)
        self._write_down(entry, tuple(failed))
        if is_own:
            self.own.confirm(entry.number, tuple(failed))

    def _is_next(self, entry: Entry) -> bool:
        """Whether *entry* is to be carried out: not if it was written twice, and not if the log
        has lost the one before, which its process writes again, and then this one again."""
        if entry.process in self._written:
            return entry.number == self._written[entry.process][0] + 1
        return entry.number == 1 or len(self._written) >= _MOST_WRITERS

    def _write_down(self, entry: Entry, failed: tuple[int, ...]) -> None:
        self._written.pop(entry.process, None)
        self._written[entry.process] = entry.number, failed
        if len(self._written) > _MOST_WRITERS:
            del self._written[next(iter(self._written))]

    def _may_commit(self, unit: Unit) -> bool:
        """Whether everything that the transaction has read is still the same."""
        reads = unit.reads or {}
        return all(self.digest_at(path) == seen for path, seen in reads.items()) and can_apply(
            unit.operations, self.tree
        )

    # The beginning of a log

    def course(self, head: Head | None) -> Course:
        """How to continue with the log that was found; *head* is None if Redis has no log."""
        if head is None:
            return Course.SEED
        if head.epoch == self.epoch:
            if head.position < self.position:
                return Course.SEED
            is_other = head.position == self.position and head.token != self.token
            is_gap = head.trimmed > self.position
            return Course.LOAD if is_other or is_gap else Course.FOLLOW
        if head.epoch in self._past:
            return Course.SEED  # Redis has an older state again
        # A log with an image of its own stays: by then more was written to it than its processes
        # keep to write it again.
        is_young = head.image_position == 0 and head.parent in ("", self.epoch)
        if is_young and head.parent_position < self.position:
            return Course.SEED  # another process has begun it, which knew less
        return Course.LOAD

    def snapshot(self) -> Snapshot:
        """What the log amounts to, and the pending changes on top of it. The process may change
        its values before `Snapshot.image` is called, also in another thread."""
        changes = [slot.change for slot in self.own.slots if slot.change is not None]
        root = fork(self.tree.root)
        return Snapshot(self.position, self.token, root, changes, dict(self._written))

    def load(self, epoch: str, parent: str, image: Image) -> None:
        """Continue with *image* of the log *epoch*, whose parent is *parent*, and then with the
        own entries and changes that it does not contain. Read the entries after the image, and
        then call `caught_up`."""
        self.version += 1
        before = self.tree.root
        self._past |= {self.epoch, parent} - {""}
        self.epoch, self.position, self.token = epoch, image.position, image.token
        self._written = dict(image.written)
        self.claims.clear()
        last, failed = self._written.get(self.own.process, (0, ()))
        self.own.begin_again(last, failed, is_known=self._is_known)
        self.tree.replace_all(image.root)
        self._overlay.replace_all(self.own.slots)
        self.logged_size = 0
        self._image_size = self.tree.size
        if self.is_watched:
            change = Change((), before, self.tree.root)
            self._changed([(path, value, True) for path, _, value in change.leaves()])

    @property
    def _is_known(self) -> bool:
        """Whether the last own number in the log is known; otherwise any is the next one."""
        return self.own.process in self._written or len(self._written) < _MOST_WRITERS

    def caught_up(self) -> None:
        """The log that was loaded has been read to its end: call it before the next entry is
        written. An entry after a gap would never be carried out, so the process takes another
        name, if there is one."""
        last, _ = self._written.get(self.own.process, (0, ()))
        if self._is_known and self.own.is_gap(last):
            self.claims.note(self.own.process, False)
            self.own.rename()

    def seed(self, epoch: str) -> None:
        """The log *epoch* begins with the image of this process."""
        self._past |= {self.epoch} - {""}
        self.epoch, self.position, self.token = epoch, 0, ""
        self.imaged()

    def imaged(self) -> None:
        """The log has an image of its last entries."""
        self.logged_size = 0
        self._image_size = self.tree.size

    @property
    def needs_image(self) -> bool:
        """Whether a new process would have to read much more than an image."""
        return self.logged_size > max(_SMALLEST_INTERVAL, 2 * self._image_size)
