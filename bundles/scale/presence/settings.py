"""The section ``[scale.presence]``."""

import attrs

from rxkernel import Allowed

_NUMBER = Allowed("a whole number from 1", (int,), lambda value: value >= 1)
_SIZE = Allowed("bytes, a whole number from 64", (int,), lambda value: value >= 64)


@attrs.frozen(kw_only=True)
class PresenceSettings:
    """The limits of the lists of present connections."""

    max_connections: int = attrs.field(default=1000, validator=_NUMBER)
    """Most connections that are present in one room."""

    max_rooms: int = attrs.field(default=20, validator=_NUMBER)
    """Most rooms in which one connection is present."""

    max_size: int = attrs.field(default=2048, validator=_SIZE)
    """Most bytes of the namespace, the room, the user and the data of one connection."""
