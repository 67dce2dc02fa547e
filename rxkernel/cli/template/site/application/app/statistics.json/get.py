from typing import Any

from bundles.autoload import db
from bundles.web import Channels, Client


async def get(client: Client, channels: Channels) -> Any:
    return {"messages": len(await db.messages.last(1000)), "open": channels.count("messages")}
