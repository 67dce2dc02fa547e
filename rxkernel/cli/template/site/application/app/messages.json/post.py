"""Stores a message, sends it to all open pages, and keeps the name in the session."""

from typing import Any

from bundles.autoload import db, model
from bundles.web import Channels, Client

parameters = {
    "name": {"type": "string", "length": {"min": 1, "max": 40}},
    "text": {"type": "string", "length": {"min": 1, "max": 200}},
}


async def post(client: Client, channels: Channels) -> Any:
    message = model.message.Message(**client.parameters)
    await db.messages.add(message)
    await channels.send("messages", "message", message)
    client.session["name"] = message.name
    return message, 201
