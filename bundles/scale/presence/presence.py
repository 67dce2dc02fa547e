"""`Presence`: the users who are in a room, in all processes."""

from functools import partial
from typing import Any

import msgspec
from injector import inject

from bundles.scale.bus.link import Link
from bundles.scale.bus.packing import pack
from bundles.scale.presence.announcements import Announcements
from bundles.scale.presence.entry import Entry, Place
from bundles.scale.presence.exchange import HERE, Exchange
from bundles.scale.presence.member import Member
from bundles.scale.presence.occupants import Occupants
from bundles.scale.settings import ScaleSettings
from rxkernel import (
    Broadcaster,
    ConflictException,
    Connection,
    Kernel,
    PayloadTooLargeException,
    ServiceUnavailableException,
    UnprocessableEntityException,
)

_decode = msgspec.msgpack.Decoder(Entry).decode


class Presence:
    """Lists the users who are in a room, in all processes, and reports when they enter and leave.

    The clients that have joined the room receive ``presence.join`` when the first connection of a
    user enters, and ``presence.leave`` when the last one has left or disconnected. Both are events
    of Socket.IO; `enter` and `leave` do not change the rooms of a connection.
    """

    @inject
    def __init__(
        self, link: Link, kernel: Kernel, broadcaster: Broadcaster, settings: ScaleSettings
    ) -> None:
        self._kernel = kernel
        self._limits = settings.presence
        self._max_size = min(settings.presence.max_size, settings.max_message_size // 2)
        self._max_total = settings.max_queue_size // 2
        self._occupants = Occupants()
        self._announcements = Announcements(self._occupants, broadcaster)
        self._exchange = Exchange(link, self._occupants, settings.max_message_size)
        self._link = link
        self._places: dict[Connection, dict[Place, None]] = {}

    async def enter(self, connection: Connection, room: str, user: str, data: Any = None) -> bool:
        """List *connection* as one of *user* in *room*, until it leaves or disconnects.

        If it is listed there already, *data* and *user* replace the earlier ones. New data of a
        user who is present does not send an event.

        Args:
            user: the same for all connections of a user. Others see it.
            data: JSON values and bytes; it may be changed afterwards.

        Returns:
            False if the other processes cannot be reached, as far as is known. They are informed
            afterwards.

        Raises:
            TypeError: *room* or *user* is not a str, or *data* cannot be encoded.
            UnprocessableEntityException: *data* is nested too deeply, or has an integer of more
                than 64 bits or a text that is not Unicode.
            PayloadTooLargeException: the texts and the data have more than ``max_size`` bytes.
            ConflictException: ``max_rooms`` or ``max_connections`` is reached.
            ServiceUnavailableException: the list of this process is full.
        """
        for name, value in (("room", room), ("user", user)):
            if not isinstance(value, str):
                raise TypeError(f"{name} is {value!r:.200}; pass a str")
        encoded = self._encode(connection.namespace, room, connection.id, user, data)
        entry = _decode(encoded)
        if self._occupants.find(HERE, entry.place, entry.id) == entry:
            return self._link.problem is None
        is_first = connection not in self._places
        places = self._places.get(connection, {})
        self._check(entry, len(encoded), places)
        self._places[connection] = places | {entry.place: None}
        was_sent = self._exchange.enter(entry, encoded)
        if is_first:
            connection.when_disconnected(partial(self._disconnected, connection))
        return was_sent

    async def leave(self, connection: Connection, room: str) -> bool:
        """Remove *connection* from the list of *room*; does nothing if it is not there.

        Returns:
            As `enter`.
        """
        place = Place(connection.namespace, room)
        places = self._places.get(connection, {})
        if place not in places:
            return self._link.problem is None
        del places[place]
        return self._exchange.leave(place, connection.id)

    def members(self, room: str, namespace: str = "/") -> list[Member]:
        """Return the users who are in *room* of *namespace*, as far as this process knows."""
        return self._occupants.members(Place(namespace, room))

    async def drain(self) -> None:
        """Return when the events of all earlier changes are sent."""
        await self._announcements.drain()

    def _encode(self, *values: Any) -> bytes:
        try:
            encoded = pack(self._kernel.serializer, *values)
        except (ValueError, RecursionError) as exc:
            raise UnprocessableEntityException(f"invalid data of presence: {exc}") from exc
        if len(encoded) > self._max_size:
            raise PayloadTooLargeException(
                f"room, user and data of presence have {len(encoded)} bytes; at most "
                f"{self._max_size} are allowed"
            )
        return encoded

    def _check(self, entry: Entry, size: int, places: dict[Place, None]) -> None:
        limits = self._limits
        if self._exchange.size + size > self._max_total:
            raise ServiceUnavailableException("this server cannot list more connections")
        if entry.place in places:
            return
        if len(places) >= limits.max_rooms:
            raise ConflictException(
                f"a connection may be present in at most {limits.max_rooms} rooms"
            )
        if self._occupants.size(entry.place) >= limits.max_connections:
            raise ConflictException(
                f"at most {limits.max_connections} connections may be present in a room"
            )

    def _disconnected(self, connection: Connection) -> None:
        for place in self._places.pop(connection):
            self._exchange.leave(place, connection.id)
