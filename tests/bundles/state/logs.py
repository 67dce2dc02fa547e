"""A log in memory, with the operations and results of the log in Redis, and without waiting."""

from copy import deepcopy

import attrs

from bundles.state.entries import Entry, Image, Logged, token_after, unpack_entry, unpack_image
from bundles.state.replica import Course, GapError, Head, Replica

_ALL = 1000
"""A number of entries that no log of a test exceeds."""


@attrs.define
class Contents:
    """The contents of the log."""

    epoch: str
    image: bytes
    parent: str
    parent_position: int
    position: int = 0
    token: str = ""
    trimmed: int = 0
    image_position: int = 0
    image_token: str = ""
    entries: list[tuple[int, str, bytes]] = attrs.field(factory=list)


class Log:
    """See the module.

    Attributes:
        history: all written entries, including removed ones.
    """

    def __init__(self) -> None:
        self.contents: Contents | None = None
        self.saved: Contents | None = None
        self.history: list[Entry] = []
        self._epochs = 0

    @property
    def head(self) -> Head | None:
        found = self.contents
        if found is None:
            return None
        return Head(
            *(found.epoch, found.position, found.token, found.trimmed),
            *(found.parent, found.parent_position, found.image_position),
        )

    def append(self, epoch: str, name: str, data: bytes) -> bool:
        found = self.contents
        if found is None or found.epoch != epoch:
            return False
        found.position += 1
        found.entries.append((found.position, found.token, data))
        found.token = token_after(found.token, name)
        return True

    def read(self, position: int, count: int) -> list[Logged]:
        """At most *count* entries after *position*, whatever the epoch."""
        entries = [] if self.contents is None else self.contents.entries
        return [
            Logged(at, before, unpack_entry(data), len(data))
            for at, before, data in entries
            if at > position
        ][:count]

    def seed(self, replica: Replica) -> None:
        self._epochs += 1
        self.contents = Contents(
            f"epoch {self._epochs}", replica.snapshot().packed(), replica.epoch, replica.position
        )
        replica.seed(self.contents.epoch)

    def load(self, replica: Replica) -> None:
        found = self.contents
        assert found is not None
        replica.load(
            found.epoch,
            found.parent,
            unpack_image(found.image, found.image_position, found.image_token),
        )

    def save_image(self, replica: Replica) -> None:
        image: Image = replica.snapshot().image()
        found = self.contents
        if found is None or found.epoch != replica.epoch:
            return
        if image.position > found.image_position:
            tokens = {position - 1: before for position, before, _ in found.entries}
            tokens[found.position] = found.token
            if tokens.get(image.position) != image.token:
                return
            found.trimmed = found.image_position
            found.entries = [entry for entry in found.entries if entry[0] > found.trimmed]
            found.image, found.image_position = image.packed(), image.position
            found.image_token = image.token
        replica.imaged()

    def keep(self) -> None:
        """Save the contents, as Redis saves them to a file from time to time."""
        self.saved = deepcopy(self.contents)

    def restart(self) -> None:
        """Restore the contents that were saved last."""
        self.contents = deepcopy(self.saved)


class Node:
    """A process that follows the log with its replica."""

    def __init__(self, name: str, log: Log) -> None:
        self.log = log
        self.leaves: dict[str, object] = {}
        self.replica = Replica(name, self._note)
        self.replica.is_watched = True
        self.is_connected = False

    def _note(self, notes: object) -> None:
        for path, value, _ in notes:  # type: ignore[attr-defined]
            if value is None:
                del self.leaves[path]
            else:
                self.leaves[path] = value

    def connect(self, *, is_lost: bool = False) -> None:
        """Connect to the log as a process does."""
        head = self.log.head
        course = self.replica.course(head)
        if course is Course.SEED:
            self.log.seed(self.replica)
        elif course is Course.LOAD or is_lost:
            self.log.load(self.replica)
        while True:
            try:
                self.replica.receive(self.log.read(self.replica.position, _ALL))
                break
            except GapError:
                self.log.load(self.replica)
        self.replica.caught_up()
        self.is_connected = True

    def read(self, count: int = _ALL) -> None:
        if not self.is_connected:
            self.connect()
        if self.replica.course(self.log.head) is not Course.FOLLOW:
            self.connect()
        try:
            self.replica.receive(self.log.read(self.replica.position, count))
        except GapError:
            self.connect(is_lost=True)

    def write(self) -> None:
        if not self.is_connected:
            self.connect()
        outgoing = self.replica.own.next()
        if outgoing is not None:
            done = self.log.append(self.replica.epoch, outgoing.entry.name, outgoing.data)
            if done:
                self.log.history.append(outgoing.entry)
            else:
                self.is_connected = False

    def settle(self) -> None:
        """Write and read until nothing is pending."""
        while True:
            self.read()
            if not self.replica.own.is_pending:
                return
            self.write()
