"""The messages of all guests, and the files of all users, in memory."""

from types import ModuleType
from typing import Any

from bundles.autoload import application
from bundles.web import Channels, StoredFile

_MOST = 100

messages: list[dict[str, Any]] = []
files: dict[str, StoredFile] = {}


async def add(name: str, text: str) -> dict[str, Any]:
    """Add a message, and send it to all subscribers of the channel ``guestbook``."""
    message = {"name": name, "text": text}
    messages.append(message)
    del messages[:-_MOST]
    await application.injector.get(Channels).send("guestbook", "message", message)
    return message


def migrate(old: ModuleType) -> None:
    """Keep the messages when this file has changed."""
    messages.extend(old.messages)
    files.update(old.files)
