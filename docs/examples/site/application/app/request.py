from typing import Any

from bundles.web import Client


async def request(client: Client) -> Any:
    """Before every handler: what each page needs."""
    client.context.data["title"] = "The guest book"
    client.context.data["user"] = client.user and client.user.username
