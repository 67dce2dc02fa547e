from typing import Any

from bundles.autoload import db
from bundles.web import Client


async def get(client: Client) -> Any:
    return await db.messages.last(20)
