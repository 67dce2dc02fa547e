"""The routes of snapshots."""

from collections.abc import Sequence

from bundles.autoload.loading.snapshot import Snapshot
from rxkernel import RouteMetadata


class SnapshotRoutes:
    """Makes the routes of snapshots.

    Attributes:
        routes: those that are served.
    """

    def __init__(self) -> None:
        self.routes: Sequence[RouteMetadata] = ()

    def routes_of(self, snapshot: Snapshot) -> Sequence[RouteMetadata]:
        """Return the routes of *snapshot*; unchanged ones are those that are served."""
        return ()
