"""What this process writes into the log."""

from collections import deque
from itertools import chain

import attrs

from bundles.state.entries import Entry, Unit
from bundles.state.operations import Operation
from bundles.state.overlay import Overlay
from bundles.state.pending import Batch, Outgoing, Slot
from bundles.state.tree import Change

_LARGEST_ENTRY = 524_288
"""Bytes; a single operation or transaction may have more."""

_MOST_RECENT = 1_048_576
"""Bytes of own entries that are kept, in case the log loses them."""


class OwnEntries:
    """The changes that the log does not contain yet, and the last entries that it contains.

    Args:
        process: the name of the process.
        overlay: the plain operations among the changes.

    Attributes:
        size: about the bytes of the changes that the log does not contain.
    """

    def __init__(self, process: str, overlay: Overlay) -> None:
        self.process = process
        self.size = 0
        self._overlay = overlay
        self._number = 0
        self._queue: list[Batch | Unit] = []
        self._outgoing: deque[Outgoing] = deque()
        self._recent: deque[tuple[Entry, int]] = deque()
        self._recent_size = 0

    @property
    def is_pending(self) -> bool:
        """Whether the log does not contain everything that this process has changed."""
        return bool(self._outgoing or self._queue)

    @property
    def is_queued(self) -> bool:
        """Whether there are changes that `next` has not returned yet."""
        return bool(self._queue)

    @property
    def outgoing(self) -> Outgoing | None:
        """What `next` has returned and is not confirmed."""
        return self._outgoing[0] if self._outgoing else None

    @property
    def slots(self) -> list[Slot]:
        """The plain operations that the log does not contain, in their order."""
        batches = (batch.slots for batch in self._queue if isinstance(batch, Batch))
        return [*chain.from_iterable(out.slots for out in self._outgoing), *chain(*batches)]

    def add(self, operation: Operation, change: Change | None) -> None:
        """Keep *operation*, which has made *change*."""
        batch = self._queue[-1] if self._queue else None
        if not isinstance(batch, Batch):
            batch = Batch()
            self._queue.append(batch)
        before = batch.size
        slot = batch.add(operation, change)
        self.size += batch.size - before
        if slot.region:
            self._overlay.update(slot)
        else:
            self._overlay.push(slot)

    def submit(self, transaction: Unit) -> None:
        """Keep *transaction*; it is carried out only in the log."""
        self._queue.append(transaction)
        self.size += transaction.size

    def withdraw(self, transaction: Unit) -> bool:
        """Forget *transaction*, unless it may have been written already."""
        for index, unit in enumerate(self._queue):
            if unit is transaction:
                del self._queue[index]
                self.size -= transaction.size
                return True
        return False

    def next(self) -> Outgoing | None:
        """What to write next; the same until it is confirmed."""
        if not self._outgoing and self._queue:
            self._outgoing.append(self._take())
        return self.outgoing

    def _take(self) -> Outgoing:
        """An entry of the first units."""
        units: list[Unit] = []
        slots: list[Slot] = []
        size = 0
        rest: Batch | None = None
        while self._queue and rest is None and (size < _LARGEST_ENTRY or not units):
            first = self._queue.pop(0)
            if isinstance(first, Batch):
                taken, rest = first.split(_LARGEST_ENTRY - size)
                first = Unit([slot.operation for slot in taken])
                slots += taken
            units.append(first)
            size += first.size
        if rest is not None:
            self._queue.insert(0, rest)
        self._number += 1
        return Outgoing(Entry(self.process, self._number, units), slots, size)

    def confirm(self, number: int, failed: tuple[int, ...]) -> None:
        """The log contains the entry *number*; its transactions at the indexes *failed* were not
        carried out."""
        if not self._outgoing or self._outgoing[0].entry.number != number:
            return
        outgoing = self._outgoing.popleft()
        self.size -= outgoing.size
        for slot in outgoing.slots:
            self._overlay.drop(slot)
        units = outgoing.entry.units
        for index, unit in enumerate(units):
            if unit.decided is not None:
                unit.decided(index not in failed)
        kept = [
            Unit(() if index in failed else unit.operations) for index, unit in enumerate(units)
        ]
        self._recent.append((Entry(self.process, number, kept), outgoing.size))
        self._recent_size += outgoing.size
        while self._recent_size > _MOST_RECENT:
            self._recent_size -= self._recent.popleft()[1]

    def begin_again(self, last: int, failed: tuple[int, ...], *, is_known: bool) -> None:
        """Another log or an image was loaded. Confirm the entries that it contains; the others are
        written again, unless they come after the image in the log.

        Args:
            last: the number of the last one that it contains.
            failed: the indexes of the transactions in that one that were not carried out.
            is_known: whether it knows *last*; otherwise the recent entries are not written again.
        """
        unsent, recent = self._outgoing, self._recent if is_known else deque()
        self._outgoing, self._recent, self._recent_size = deque(), deque(), 0
        for entry, size in recent:
            slots = [Slot(done, None) for unit in entry.units for done in unit.operations]
            self._outgoing.append(Outgoing(entry, slots, size))
            self.size += size
            if entry.number <= last:
                self.confirm(entry.number, ())
        for outgoing in unsent:
            self._outgoing.append(outgoing)
            if outgoing.entry.number <= last:
                self.confirm(outgoing.entry.number, failed)

    def is_gap(self, last: int) -> bool:
        """Whether the next entry does not follow *last*, the last one in the log: those between
        are lost, and are not kept here."""
        following = self._outgoing[0].entry.number if self._outgoing else self._number + 1
        return following != last + 1

    def rename(self) -> None:
        """Begin with number 1, as another process."""
        self.process = f"{self.process}+"
        self._number = len(self._outgoing)
        self._recent, self._recent_size = deque(), 0
        self._outgoing = deque(
            attrs.evolve(outgoing, entry=Entry(self.process, number, outgoing.entry.units))
            for number, outgoing in enumerate(self._outgoing, 1)
        )
