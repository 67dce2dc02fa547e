"""`ChatService`: the events of the namespace ``/chat``.

Events and fields are named as in the chat of IOServer's documentation.
"""

from functools import partial
from typing import Annotated, Any

from injector import inject
from msgspec import Meta

from bundles.realtime import AppHandle, IOServerError, Service, event
from chat_app.database import Database
from chat_app.message import SYSTEM
from chat_app.middlewares import ActivityLog, RateLimit
from chat_app.rooms import Rooms, User
from chat_app.statistics import Statistics
from rxkernel import Body, Broadcaster, Connection, DisconnectReason

Name = Annotated[str, Meta(max_length=30)]
Content = Annotated[str, Meta(max_length=2000)]


class ChatService(Service, namespace="/chat", middlewares=[ActivityLog, RateLimit]):
    @inject
    def __init__(
        self,
        app_handle: AppHandle,
        broadcaster: Broadcaster,
        database: Database,
        rooms: Rooms,
        statistics: Statistics,
    ) -> None:
        super().__init__(app_handle)
        self._broadcaster = broadcaster
        self._database = database
        self._rooms = rooms
        self._statistics = statistics

    @event
    async def login(self, connection: Connection, username: Name = "") -> dict[str, Any]:
        """Give the client a name, and let it enter the first room."""
        if "user" in connection.attributes:
            raise IOServerError("You are logged in already", 409)
        user = connection.attributes["user"] = self._rooms.add(username)
        connection.when_disconnected(partial(self._rooms.remove, user))
        try:
            return await self._enter(connection, user)
        except IOServerError:  # the database: let the client try again
            del connection.attributes["user"]
            self._rooms.remove(user)
            await connection.leave(_room(user.room))
            raise

    async def _enter(self, connection: Connection, user: User) -> dict[str, Any]:
        self._statistics.count_login()
        await connection.join(_room(user.room))
        await self._announce("user_joined", user, "joined the chat", skip=connection)
        await self._send_rooms()
        return {
            "status": "success",
            "user": {"username": user.username, "room": user.room},
            **await self._view(user.room),
            "availableRooms": self._rooms.overview(),
        }

    @event
    async def send_message(self, connection: Connection, content: Content = "") -> dict[str, Any]:
        """Store a message, and send it to all users of the room, with its sender."""
        user = _user(connection)
        text = content.strip()
        if not text:
            raise IOServerError("Message cannot be empty", 400)
        message = await self._database.add(user.room, user.username, text, "message")
        self._statistics.count_message()
        await self.app_handle.send(
            "new_message", message, namespace="chat", room=_room(message.room)
        )
        return {"status": "success", "messageId": message.id}

    @event
    async def join_room(self, connection: Connection, room: Name = "") -> dict[str, Any]:
        """Leave the room, and enter another one, which need not exist."""
        user = _user(connection)
        async with user.moving:
            old = user.room
            new = self._rooms.move(user, room)
            if new != old:
                await connection.leave(_room(old))
                await connection.join(_room(new))
                await self._announce("user_left", user, "left the room", room=old)
                await self._announce("user_joined", user, "joined the room", skip=connection)
                await self._send_rooms()
        return {"status": "success", "room": new, **await self._view(new)}

    @event
    async def get_room_users(self, connection: Connection) -> dict[str, Any]:
        return {"status": "success", "users": self._rooms.users_of(_user(connection).room)}

    @event
    async def get_available_rooms(self) -> dict[str, Any]:
        return {"status": "success", "rooms": self._rooms.overview()}

    @event
    async def typing(
        self, connection: Connection, is_typing: Annotated[bool, Body("isTyping")]
    ) -> None:
        """Send to the others in the room that the user types, or has stopped."""
        user = _user(connection)
        data = {"username": user.username, "isTyping": is_typing}
        await self._broadcaster.emit(
            "user_typing", data, namespace="/chat", room=_room(user.room), skip=connection
        )

    async def disconnect(self, connection: Connection, reason: DisconnectReason) -> None:
        user: User | None = connection.attributes.get("user")
        if user is not None:
            await self._send_rooms()
            await self._announce("user_left", user, "left the chat")

    async def _announce(
        self,
        name: str,
        user: User,
        text: str,
        *,
        room: str | None = None,
        skip: Connection | None = None,
    ) -> None:
        """Store that *user* came or went, and send it to *room*, by default that of the user."""
        room = user.room if room is None else room
        message = await self._database.add(room, SYSTEM, f"{user.username} {text}", "system")
        users = self._rooms.users_of(room)
        data = {"username": user.username, "message": message, "roomUsers": users}
        await self._broadcaster.emit(name, data, namespace="/chat", room=_room(room), skip=skip)

    async def _send_rooms(self) -> None:
        """Send the list of rooms to all clients."""
        rooms = {"rooms": self._rooms.overview()}
        await self.app_handle.send("available_rooms", rooms, namespace="chat")

    async def _view(self, room: str) -> dict[str, Any]:
        return {
            "roomUsers": self._rooms.users_of(room),
            "recentMessages": await self._database.recent(room),
        }


def _user(connection: Connection) -> User:
    user: User | None = connection.attributes.get("user")
    if user is None:
        raise IOServerError("User not logged in", 401)
    return user


def _room(name: str) -> str:
    """The room of Socket.IO: with a prefix, so that no name is the id of a connection."""
    return f"room:{name}"
