"""The scope of one message, which keeps the files that it reads from being stopped."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from bundles.autoload.loading.scope import Runtime, Scope
from bundles.autoload.loading.snapshot import Snapshot
from bundles.autoload.loading.uses import Uses


class MessageScope(Scope):
    """The views read *snapshot* until it is left, and no stop hook of its files runs."""

    __slots__ = ("_is_extended", "_uses")

    def __init__(self, runtime: Runtime, snapshot: Snapshot) -> None:
        super().__init__(runtime, snapshot)
        self._uses: Uses | None = snapshot.uses
        self._is_extended = False

    def __enter__(self) -> Self:
        if self._uses is not None:
            self._uses.begin()
        return super().__enter__()

    @contextmanager
    def extended(self) -> Iterator[None]:
        """Go on after the ``with`` block of the scope, until this context manager is left: for a
        stream, which is read after its message was handled, in the same context."""
        self._is_extended = True
        try:
            yield
        finally:
            self.close()

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        if not self._is_extended:
            super().__exit__(kind, exc, tb)

    def close(self) -> None:
        """Release the snapshot."""
        super().close()
        if self._uses is not None:
            self._uses.end()
            self._uses = None
