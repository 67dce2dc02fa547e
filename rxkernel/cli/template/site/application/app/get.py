"""The data of the page, which ``html.template`` shows."""

from typing import Any

from bundles.autoload import db
from bundles.web import Client


async def get(client: Client) -> Any:
    return {
        "name": client.session.get("name", ""),
        "messages": await db.messages.last(20),
    }
