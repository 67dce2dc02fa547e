"""The events of the channel ``messages``, as they are sent."""

from bundles.web import Client


async def get(client: Client) -> str:
    return "messages"
