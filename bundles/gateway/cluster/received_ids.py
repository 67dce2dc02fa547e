"""The ids of the last messages of other nodes, to drop those that are received again."""

_AT_LEAST = 10_000
"""How many of the last ids are remembered."""


class ReceivedIds:
    """Two sets: the older one is dropped when the newer one is full."""

    def __init__(self) -> None:
        self._newer: set[tuple[str, str]] = set()
        self._older: set[tuple[str, str]] = set()

    def add(self, sender: str, id: str) -> bool:
        """Return False if the node *sender* has sent *id* before."""
        key = (sender, id)
        if key in self._newer or key in self._older:
            return False
        if len(self._newer) >= _AT_LEAST:
            self._older, self._newer = self._newer, set()
        self._newer.add(key)
        return True
