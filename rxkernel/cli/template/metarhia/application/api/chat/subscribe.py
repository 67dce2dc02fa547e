"""Enter a room. The client gets the event ``chat/message`` until it leaves or disconnects."""

from typing import Annotated

from msgspec import Meta

from bundles.autoload import domain
from rxkernel import Connection

access = "public"
transports = ("METACOM", "SOCKET")


async def method(
    room: Annotated[str, Meta(min_length=1, max_length=50)], connection: Connection
) -> bool:
    domain.chat.enter(room, connection)
    return True
