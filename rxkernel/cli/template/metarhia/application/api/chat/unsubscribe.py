"""Leave a room."""

from bundles.autoload import domain
from rxkernel import Connection

access = "public"
transports = ("METACOM", "SOCKET")


async def method(room: str, connection: Connection) -> bool:
    domain.chat.leave(room, connection)
    return True
