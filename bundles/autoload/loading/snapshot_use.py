"""A message that reads a snapshot, without an additional object and context variable."""

from bundles.autoload.loading.message_scope import SnapshotRuntime
from bundles.autoload.loading.scope import MESSAGE_SCOPE
from bundles.autoload.loading.snapshot import Snapshot
from rxkernel import Request


class SnapshotUse:
    """A base class for an object that a bundle makes for each message. The object is also the
    scope of the message, which is faster than `Autoload.scope`.

    The bundle sets `request` and calls `begin_use`, and later `end_use` or `end_use_with_message`.
    Until then, the views read the snapshot, and the stop hooks of its files do not run.

    Attributes:
        source: the snapshot; None before and after the use.
    """

    request: Request
    source: Snapshot | None = None

    @property
    def runtime(self) -> SnapshotRuntime:
        """The `Autoload` of the application."""
        raise NotImplementedError

    def begin_use(self, snapshot: Snapshot) -> None:
        self.source = snapshot
        snapshot.readers.begin(self)
        self.request.attributes[MESSAGE_SCOPE] = self

    def end_use(self) -> None:
        """Release the snapshot; the message may continue."""
        if self.source is not None:
            self.source.readers.end(self)
            self.source = None
            self.request.attributes.pop(MESSAGE_SCOPE, None)

    def end_use_with_message(self) -> None:
        """Call `end_use` when the message has ended, for a stream or for work after the
        response."""
        services = self.request.services
        if services is not None and services.is_closed:
            self.end_use()
        else:
            self.request.when_ended(self.end_use)

    def move_on(self) -> None:
        """Read the current snapshot from now on. Called by `SnapshotReaders`."""
        self.end_use()
        if (snapshot := self.runtime.current) is not None:
            self.begin_use(snapshot)
