"""The connections of the server, and their rooms."""

from collections.abc import Iterator, Sequence
from typing import Any

from bundles.metacom.connection import MetacomConnection
from bundles.metacom.packets import Encode, event
from rxkernel import Connection

NAMESPACE = "/"
"""The namespace of all connections, so that broadcasts reach Socket.IO clients too."""

Rooms = tuple[str, ...] | None


class Connections:
    """Implements `ConnectionHolder` for a `LocalBackend`, and `RoomMembers` for its
    connections."""

    def __init__(self, encode: Encode) -> None:
        self._encode = encode
        self._by_id: dict[str, MetacomConnection] = {}
        self._rooms: dict[str, set[MetacomConnection]] = {}

    def __iter__(self) -> Iterator[MetacomConnection]:
        return iter(tuple(self._by_id.values()))

    def __len__(self) -> int:
        return len(self._by_id)

    def add(self, connection: MetacomConnection) -> None:
        self._by_id[connection.id] = connection

    def remove(self, connection: MetacomConnection) -> None:
        """Forget *connection* and its rooms."""
        if self._by_id.pop(connection.id, None) is not None:
            for room in connection.rooms:
                self._leave(connection, room)

    def join(self, connection: MetacomConnection, room: str) -> None:
        """Add *connection* to *room*.

        Raises:
            ValueError: *room* is the id of another connection.
        """
        if room in self._by_id and room != connection.id:
            raise ValueError(f"{room!r} is the own room of another connection; use another name")
        if room != connection.id:
            self._rooms.setdefault(room, set()).add(connection)

    def leave(self, connection: MetacomConnection, room: str) -> None:
        self._leave(connection, room)

    def _leave(self, connection: MetacomConnection, room: str) -> None:
        members = self._rooms.get(room)
        if members is not None:
            members.discard(connection)
            if not members:
                del self._rooms[room]

    def deliver(
        self,
        event_name: str,
        args: tuple[Any, ...],
        rooms: Rooms,
        namespace: str,
        skip: set[str],
        volatile: bool,
    ) -> None:
        """Send an event, encoded once, to each connection in *rooms* that is not in *skip*."""
        packet: bytes | None = None
        for connection in self._selected(rooms, namespace):
            if connection.id in skip or (volatile and connection.is_congested):
                continue
            if packet is None:
                packet = event(event_name, args, self._encode)
            connection.put(packet)

    def select(self, rooms: Rooms, namespace: str) -> Sequence[Connection]:
        """See `ConnectionHolder.select`."""
        return self._selected(rooms, namespace)

    def _selected(self, rooms: Rooms, namespace: str) -> list[MetacomConnection]:
        if namespace != NAMESPACE:
            return []
        if rooms is None:
            return [one for one in self._by_id.values() if one.is_accepted]
        found: dict[MetacomConnection, None] = {}
        for room in rooms:
            own = self._by_id.get(room)
            if own is not None:
                found[own] = None
            members = self._rooms.get(room, ())
            found.update((one, None) for one in members if one.is_accepted)
        return list(found)
