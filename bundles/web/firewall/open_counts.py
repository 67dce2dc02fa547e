"""The numbers of open messages of clients."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Share(NamedTuple):
    """One address, session or host, whose open messages are counted.

    Attributes:
        setting: the name of the setting with the limit.
    """

    setting: str
    key: str


class OpenCounts:
    """Counts the open messages of each `Share`. Only shares with open messages take memory."""

    def __init__(self) -> None:
        self._open: dict[Share, int] = {}

    def __len__(self) -> int:
        """The number of shares with open messages."""
        return len(self._open)

    def take(self, shares: Sequence[tuple[Share, int]]) -> Share | None:
        """Count one more for each of *shares*, which are given with their limits.

        Returns:
            None, or the first share whose limit is reached; then nothing was counted.
        """
        for share, limit in shares:
            if self._open.get(share, 0) >= limit:
                return share
        for share, _ in shares:
            self._open[share] = self._open.get(share, 0) + 1
        return None

    def free(self, shares: Iterable[Share]) -> None:
        """Count one less for each of *shares*, which `take` has counted."""
        for share in shares:
            left = self._open[share] - 1
            if left:
                self._open[share] = left
            else:
                del self._open[share]
