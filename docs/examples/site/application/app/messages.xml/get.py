from typing import Any

from bundles.autoload import domain
from bundles.web import Client


async def get(client: Client) -> Any:
    return domain.guestbook.messages
