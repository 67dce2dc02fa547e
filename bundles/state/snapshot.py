"""The values of a process, from which the image of the log is made without the event loop.

There may be 100,000 pending changes, and it takes up to a second to take them back.
"""

from collections.abc import Sequence
from typing import Any

import attrs

from bundles.state.entries import Image
from bundles.state.tree import Change, Tree


@attrs.frozen(eq=False)
class Snapshot:
    """See `Image` for *position*, *token* and *written*.

    Args:
        root: the values that the process sees. They belong to the snapshot: its dicts are copies,
            and a tree never changes leaves.
        changes: those of the pending operations, in their order. What was there before a change is
            in no tree any more, so nothing changes it.
    """

    position: int
    token: str
    root: dict[str, Any]
    changes: Sequence[Change]
    written: dict[str, tuple[int, tuple[int, ...]]]

    def image(self) -> Image:
        """Take the changes back. Call it once."""
        tree = Tree()
        tree.root = self.root
        for change in reversed(self.changes):
            tree.restore(change)
        return Image(self.position, self.token, tree.root, self.written)

    def packed(self) -> bytes:
        """The image, packed."""
        return self.image().packed()
