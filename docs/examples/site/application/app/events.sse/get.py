from bundles.web import Client


async def get(client: Client) -> str:
    return "guestbook"
