"""A user who is present in a room."""

from typing import Any

import attrs


@attrs.frozen
class Member:
    """A user with at least one connection that has entered the room.

    Attributes:
        data: of each connection of the user, in the order in which they entered, as far as this
            process knows.
    """

    user: str
    data: tuple[Any, ...]
