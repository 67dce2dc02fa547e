"""A message of a room, as it is stored and sent."""

from datetime import UTC, datetime
from typing import Literal

import attrs

SYSTEM = "System"
"""The author of messages of the chat itself; users cannot take this name."""

Kind = Literal["message", "system"]


def now() -> str:
    """The time as in RFC 3339."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


@attrs.frozen
class Message:
    """
    Attributes:
        type: ``message`` of a user, or ``system``: somebody came or went.
    """

    id: int
    room: str
    username: str
    content: str
    type: Kind
    timestamp: str
