from bundles.web import Client


async def get(client: Client) -> None:
    """The page is html.jinja."""
