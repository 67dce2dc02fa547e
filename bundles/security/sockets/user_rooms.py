"""The room of each user: all sockets that have its identity."""

from typing import Any

from bundles.security.token import Token
from rxkernel import Connection

_PREFIX = "security/user/"


def user_room(identifier: str) -> str:
    """The room of the user with *identifier*, in each namespace.

    A socket is in it as long as it has the identity of the user.
    """
    return _PREFIX + identifier


async def follow_identity(connection: Connection) -> None:
    """Join *connection* to the room of its current user, and remove it from rooms of other users.

    Other tasks do not run meanwhile, since joining and leaving do not wait.
    """
    room = _room_of(connection.token)
    for other in connection.rooms:
        if other.startswith(_PREFIX) and other != room:
            await connection.leave(other)
    if room is not None:
        await connection.join(room)


def _room_of(token: Token[Any]) -> str | None:
    return None if token.identifier is None else user_room(token.identifier)
