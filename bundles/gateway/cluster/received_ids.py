"""The ids of the last messages from other nodes, to drop messages that are received again."""

_AT_LEAST = 10_000
"""The minimum number of ids that are remembered."""


class ReceivedIds:
    """Stores the ids in two sets. When the newer one is full, the older one is dropped."""

    def __init__(self) -> None:
        self._newer: set[tuple[str, str]] = set()
        self._older: set[tuple[str, str]] = set()

    def add(self, sender: str, id: str) -> bool:
        """Remember *id* of the node *sender*; return False if it was already remembered."""
        key = (sender, id)
        if key in self._newer or key in self._older:
            return False
        if len(self._newer) >= _AT_LEAST:
            self._older, self._newer = self._newer, set()
        self._newer.add(key)
        return True
