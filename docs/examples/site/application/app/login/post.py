from bundles.security import Security
from bundles.web import Client

parameters = {"username": "string", "password": "string"}


async def post(client: Client, security: Security) -> None:
    sent = client.parameters
    user = await security.user_with(sent["username"], sent["password"], client.request)
    await client.sign_in(user)
    client.redirect("/", 303)
