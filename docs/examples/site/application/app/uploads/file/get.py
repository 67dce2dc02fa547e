from bundles.autoload import domain
from bundles.web import Client
from rxkernel import Response


async def get(client: Client) -> Response:
    stored = domain.guestbook.files.get(client.path)
    if stored is None:
        client.error(404)
    return client.download(stored.path, stored.name)
