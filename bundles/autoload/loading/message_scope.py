"""The scope of one message, which keeps the files that it reads from being stopped."""

from typing import Self

from bundles.autoload.loading.scope import Runtime, Scope
from bundles.autoload.loading.snapshot import Snapshot
from bundles.autoload.loading.uses import Uses


class MessageScope(Scope):
    """The views read *snapshot* until it is left, and no stop hook of its files runs."""

    __slots__ = ("_uses",)

    def __init__(self, runtime: Runtime, snapshot: Snapshot) -> None:
        super().__init__(runtime, snapshot)
        self._uses: Uses | None = snapshot.uses

    def __enter__(self) -> Self:
        if self._uses is not None:
            self._uses.begin()
        return super().__enter__()

    def close(self) -> None:
        """Release the snapshot."""
        super().close()
        if self._uses is not None:
            self._uses.end()
            self._uses = None
