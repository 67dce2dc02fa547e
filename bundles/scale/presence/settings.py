"""The section ``[scale.presence]``."""

import attrs

from rxkernel import COUNT, whole_number

_SIZE = whole_number(64, unit="bytes")


@attrs.frozen(kw_only=True)
class PresenceSettings:
    """The limits of the lists of present connections."""

    max_connections: int = attrs.field(default=1000, validator=COUNT)
    """Most connections that are present in one room."""

    max_rooms: int = attrs.field(default=20, validator=COUNT)
    """Most rooms in which one connection is present."""

    max_size: int = attrs.field(default=2048, validator=_SIZE)
    """Most bytes of the namespace, the room, the user and the data of one connection."""
