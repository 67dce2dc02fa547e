from typing import NoReturn

from bundles.autoload import domain
from bundles.web import Client


async def get(client: Client) -> NoReturn:
    stored = domain.guestbook.files.get(client.path)
    if stored is None:
        client.error(404)
    client.download(stored.path, stored.name)
