"""The rooms that the client joins and leaves after a call: ``$join`` and ``$leave`` in its
meta."""

from collections.abc import Mapping
from typing import Any

from bundles.gateway.exceptions import MoleculerClientError
from rxkernel import Connection

JOIN, LEAVE = "$join", "$leave"


def rooms_of(meta: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """Return the rooms that *meta* has under *key*: one room or a list.

    Raises:
        MoleculerClientError: a room is not a text (422). Names of rooms may come from clients.
    """
    given = meta.get(key)
    rooms = given if isinstance(given, list | tuple | set | frozenset) else (given,)
    for room in rooms:
        if room is not None and not isinstance(room, str):
            raise MoleculerClientError(
                f"{key} has the room {room!r:.100}, which is not text", 422, "ERR_INVALID_ROOM"
            )
    return tuple(room for room in rooms if room)


async def change_rooms(
    connection: Connection, joined: tuple[str, ...], left: tuple[str, ...]
) -> None:
    """Join *joined*, then leave *left*.

    Raises:
        MoleculerClientError: a room is the id of another connection (422).
    """
    for room in joined:
        try:
            await connection.join(room)
        except ValueError as exc:
            message = f"{JOIN} has the room {room!r:.100}: {exc}"
            raise MoleculerClientError(message, 422, "ERR_INVALID_ROOM") from exc
    for room in left:
        await connection.leave(room)
