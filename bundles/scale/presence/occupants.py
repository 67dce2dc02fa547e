"""The connections that are present in rooms, of all processes."""

from collections.abc import Callable, Iterable

from bundles.scale.presence.entry import Entry, Place
from bundles.scale.presence.member import Member

Key = tuple[Place, str]
"""A room, and the id of a connection."""

_Connection = tuple[bytes, str]
"""A process, and the id of a connection. The id alone is not enough: a client that moves to
another process may keep it."""


class Occupants:
    """The present connections of all processes, by process and by room.

    Attributes:
        changed: called with a room and a user when connections of the user have entered or left.
    """

    def __init__(self) -> None:
        self.changed: Callable[[Place, str], None] = lambda place, user: None
        self._processes: dict[bytes, dict[Key, Entry]] = {}
        self._rooms: dict[Place, dict[str, dict[_Connection, Entry]]] = {}
        self._sizes: dict[Place, int] = {}

    def find(self, process: bytes, place: Place, id: str) -> Entry | None:
        return self._processes.get(process, {}).get((place, id))

    def size(self, place: Place) -> int:
        """The number of connections in *place*."""
        return self._sizes.get(place, 0)

    def members(self, place: Place) -> list[Member]:
        return [_member(*one) for one in self._rooms.get(place, {}).items()]

    def member(self, place: Place, user: str) -> Member | None:
        entries = self._rooms.get(place, {}).get(user)
        return None if entries is None else _member(user, entries)

    def put(self, process: bytes, entry: Entry) -> None:
        """Add *entry*, or replace the entry of the same connection in the same room."""
        place, key = entry.place, (entry.place, entry.id)
        old = self.find(process, *key)
        if old is not None and old.user != entry.user:
            self.remove(process, *key)
            old = None
        self._processes.setdefault(process, {})[key] = entry
        user = self._rooms.setdefault(place, {}).setdefault(entry.user, {})
        user[process, entry.id] = entry
        if old is None:
            self._sizes[place] = self.size(place) + 1
            self.changed(place, entry.user)

    def remove(self, process: bytes, place: Place, id: str) -> None:
        """Remove the entry of a connection; does nothing if it does not exist."""
        entries = self._processes.get(process, {})
        entry = entries.pop((place, id), None)
        if entry is None:
            return
        if not entries:
            del self._processes[process]
        room = self._rooms[place]
        connections = room[entry.user]
        del connections[process, id]
        self._sizes[place] -= 1
        if not connections:
            del room[entry.user]
        if not room:
            del self._rooms[place], self._sizes[place]
        self.changed(place, entry.user)

    def replace(self, process: bytes, entries: Iterable[Entry]) -> None:
        """Replace all entries of *process* by *entries*."""
        new = {(entry.place, entry.id): entry for entry in entries}
        for place, id in [key for key in self._processes.get(process, {}) if key not in new]:
            self.remove(process, place, id)
        for entry in new.values():
            self.put(process, entry)


def _member(user: str, entries: dict[_Connection, Entry]) -> Member:
    return Member(user, tuple(entry.data for entry in entries.values()))
