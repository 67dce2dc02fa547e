"""The scope of one message. The files that it reads are not stopped before it ends."""

from typing import Protocol

from bundles.autoload.loading.scope import Runtime, Scope
from bundles.autoload.loading.snapshot import Snapshot


class SnapshotRuntime(Runtime, Protocol):
    @property
    def current(self) -> Snapshot | None: ...


class MessageScope(Scope):
    """The scope of a message. Its views read one snapshot from `begin` until the scope is closed
    or moves on. The stop hooks of the snapshot's files do not run before that."""

    __slots__ = ()

    runtime: SnapshotRuntime
    source: Snapshot | None

    def __init__(self, runtime: SnapshotRuntime) -> None:
        self.runtime = runtime  # written out, since each message has a scope
        self.source = self._tokens = None

    def begin(self, snapshot: Snapshot) -> None:
        self.source = snapshot
        snapshot.readers.begin(self)

    def move_on(self) -> None:
        """Read the current snapshot from now on, until the scope is closed or moves on again."""
        self.close()
        if (snapshot := self.runtime.current) is not None:
            self.begin(snapshot)

    def close(self) -> None:
        """Release the snapshot."""
        if self.source is not None:
            self.source.readers.end(self)
            self.source = None
