"""The rooms of the chat, and the clients in them: state in memory."""

from types import ModuleType

from rxkernel import Connection, NotFoundException

rooms: dict[str, set[Connection]] = {}


def enter(room: str, connection: Connection) -> None:
    members = rooms.setdefault(room, set())
    if connection not in members:
        members.add(connection)
        connection.when_disconnected(lambda: leave(room, connection))


def leave(room: str, connection: Connection) -> None:
    members = rooms.get(room, set())
    members.discard(connection)
    if not members:
        rooms.pop(room, None)


async def send(room: str, message: str) -> None:
    if room not in rooms:
        raise NotFoundException(f"there is no room {room!r}")
    for connection in tuple(rooms[room]):
        await connection.emit("chat/message", {"room": room, "message": message})


def migrate(old: ModuleType) -> None:
    """Keep the rooms when this file has changed."""
    global rooms
    rooms = old.rooms
