"""One connection that is present in a room, as sent between processes."""

from typing import Any, NamedTuple

import msgspec


class Place(NamedTuple):
    """A room of a namespace."""

    namespace: str
    room: str


class Entry(msgspec.Struct, array_like=True, frozen=True):
    """One connection that is present in a room.

    Attributes:
        id: of the connection.
        data: of the connection; JSON values and bytes.
    """

    namespace: str
    room: str
    id: str
    user: str
    data: Any

    @property
    def place(self) -> Place:
        return Place(self.namespace, self.room)
