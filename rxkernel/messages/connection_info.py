"""A connected client of any process, as `Broadcaster.connections` lists it."""

import attrs


@attrs.frozen
class ConnectionInfo:
    """A client of this process or of another one, at the moment of the call.

    ``rooms`` are the rooms that it has joined, without its own id.
    """

    id: str
    namespace: str
    rooms: frozenset[str]
