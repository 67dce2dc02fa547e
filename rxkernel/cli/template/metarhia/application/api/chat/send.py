"""Send a message to all clients in a room, also over HTTP."""

from bundles.autoload import domain

access = "public"


async def method(room: str, message: str) -> bool:
    await domain.chat.send(room, message)
    return True
