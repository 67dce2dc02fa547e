from bundles.autoload import domain
from bundles.web import Client


async def post(client: Client) -> None:
    for stored in await client.upload():
        domain.guestbook.files[stored.path] = stored
    client.redirect("/uploads/", 303)
