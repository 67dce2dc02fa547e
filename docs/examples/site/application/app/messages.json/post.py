from typing import Any

from bundles.autoload import domain
from bundles.web import Client

parameters = {
    "name": {"type": "string", "length": {"min": 1, "max": 40}},
    "text": {"type": "string", "length": {"min": 1, "max": 200}},
}


async def post(client: Client) -> Any:
    return await domain.guestbook.add(**client.parameters), 201
