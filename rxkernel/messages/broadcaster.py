"""Broadcasts: events for many clients, on all servers that hold connections."""

from collections.abc import Collection, Sequence
from typing import Any, Protocol

from rxkernel.messages.connection import Connection
from rxkernel.messages.rooms import rooms_of


class BroadcastBackend(Protocol):
    """Delivers the broadcasts of a `Broadcaster`: a server that holds connections, or a message
    queue that reaches the servers of other processes."""

    async def broadcast(
        self,
        event: str,
        args: tuple[Any, ...],
        rooms: tuple[str, ...] | None,
        namespace: str,
        skip: set[str],
    ) -> None:
        """Send *event* once to each client of *namespace* that is in at least one of *rooms*.

        Args:
            rooms: without duplicates; None means every client of *namespace*.
            skip: ids of connections that do not receive the event.
        """


class Broadcaster:
    """Sends an event to every client of a namespace, or of some of its rooms.

    It can be injected anywhere, also into a controller that handles HTTP. The servers that hold
    connections attach themselves as backends while they run.
    """

    def __init__(self) -> None:
        self._backends: list[BroadcastBackend] = []

    def attach(self, backend: BroadcastBackend) -> None:
        """Deliver through *backend* too; does nothing if it is attached already."""
        if backend not in self._backends:
            self._backends.append(backend)

    def detach(self, backend: BroadcastBackend) -> None:
        """Stop delivering through *backend*; does nothing if it is not attached."""
        if backend in self._backends:
            self._backends.remove(backend)

    async def emit(
        self,
        event: str,
        *args: Any,
        room: str | Sequence[str] | None = None,
        namespace: str = "/",
        skip: Connection | str | Collection[Connection | str] | None = None,
    ) -> None:
        """Send *event* to all clients of *namespace* except *skip*, connections or their ids.

        *room* limits it to the clients of one room, or of several. A client in more than one of
        them receives the event once.

        Raises:
            TypeError: a room is not a str.
        """
        rooms = rooms_of(room)
        skipped = [skip] if isinstance(skip, Connection | str) else skip or ()
        ids = {one.id if isinstance(one, Connection) else one for one in skipped}
        for backend in tuple(self._backends):
            await backend.broadcast(event, args, rooms, namespace, ids)
