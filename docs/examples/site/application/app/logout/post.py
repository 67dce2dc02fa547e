from bundles.web import Client


async def post(client: Client) -> None:
    await client.sign_out()
    client.redirect("/", 303)
