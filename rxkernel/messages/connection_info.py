"""A connected client as `Broadcaster.connections` lists it, wherever it is connected."""

import attrs


@attrs.frozen
class ConnectionInfo:
    """A client of this process or of another one, at the moment of the call.

    ``rooms`` are those that it has joined, without its own id.
    """

    id: str
    namespace: str
    rooms: frozenset[str]
