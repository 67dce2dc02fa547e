"""`Rooms`: who is logged in, and in which room."""

import asyncio
import unicodedata

import attrs

from bundles.realtime import IOServerError, Manager
from chat_app.message import SYSTEM

FIRST = "general"
"""The room that a user enters at the login. It always exists."""

_MOST_ROOMS = 100


@attrs.define(eq=False)
class User:
    """A client that is logged in.

    Attributes:
        moving: held while the client changes its room, since its events run at the same time.
    """

    username: str
    room: str = FIRST
    moving: asyncio.Lock = attrs.field(factory=asyncio.Lock)


class Rooms(Manager):
    """A room exists as long as a user is in it. Nothing here awaits, so that two events that run
    at the same time cannot take the same name."""

    def __init__(self) -> None:
        self._users: dict[str, User] = {}

    def add(self, username: str) -> User:
        """Return the new user *username*.

        Raises:
            IOServerError: the name is empty (400) or taken (409).
        """
        name = username.strip()
        if not name:
            raise IOServerError("Username is required", 400)
        key = _key(name)
        if key == _key(SYSTEM) or key in self._users:
            raise IOServerError("Username already taken", 409)
        user = self._users[key] = User(name)
        return user

    def remove(self, user: User) -> None:
        """Log *user* out, if it is logged in."""
        if self._users.get(key := _key(user.username)) is user:
            del self._users[key]

    def move(self, user: User, room: str) -> str:
        """Move *user* to *room*, and return the name of that.

        Raises:
            IOServerError: the name is empty (400), or there are too many rooms (409).
        """
        name = room.strip().lower()
        if not name:
            raise IOServerError("Room name is required", 400)
        names = {FIRST, *(other.room for other in self._users.values())}
        if name not in names and len(names) >= _MOST_ROOMS:
            raise IOServerError("There are too many rooms", 409)
        user.room = name
        return name

    def users_of(self, room: str) -> list[str]:
        return [user.username for user in self._users.values() if user.room == room]

    def overview(self) -> list[dict[str, str | int]]:
        """The rooms with the number of their users."""
        counts = {FIRST: 0}
        for user in self._users.values():
            counts[user.room] = counts.get(user.room, 0) + 1
        return [{"name": name, "userCount": count} for name, count in counts.items()]

    def __len__(self) -> int:
        return len(self._users)


def _key(name: str) -> str:
    """Names that look alike are the same: ``Ada``, ``ADA``, and the same in wide letters."""
    return unicodedata.normalize("NFKC", name).casefold()
