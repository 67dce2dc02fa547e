"""The interface through which a `Broadcaster` reaches connections."""

from collections.abc import Sequence
from typing import Any, Protocol

from rxkernel.messages.connection_info import ConnectionInfo

Rooms = tuple[str, ...] | None
"""Rooms or ids of connections, without duplicates; None means every client of the namespace."""


class BroadcastBackend(Protocol):
    """Connections that a `Broadcaster` reaches: the connections of a server, or those of other
    processes through a message queue.

    Attributes:
        is_local: whether the connections are in this process. Calls with ``local=True`` skip
            the other backends.
    """

    is_local: bool

    async def broadcast(
        self,
        event: str,
        args: tuple[Any, ...],
        rooms: Rooms,
        namespace: str,
        skip: set[str],
        volatile: bool,
    ) -> bool:
        """Send *event* once to each client of *namespace* that is in at least one of *rooms*.

        Encode *args* before the first ``await``: the caller may change them afterwards.

        Args:
            skip: ids of connections that do not receive the event.
            volatile: clients whose earlier packets are not sent yet do not receive the event.

        Returns:
            Whether every process could be reached.
        """

    async def connections(self, rooms: Rooms, namespace: str) -> Sequence[ConnectionInfo]:
        """Return the clients of *namespace* that are in at least one of *rooms*."""

    async def change(
        self,
        rooms: tuple[str, ...],
        namespace: str,
        *,
        join: tuple[str, ...] = (),
        leave: tuple[str, ...] = (),
        disconnect: bool = False,
    ) -> bool:
        """Make the clients that are in at least one of *rooms* join and leave rooms, or
        disconnect them. Returns whether every process could be reached.

        Raises:
            ValueError: a room to join is the id of another connection; nothing has changed.
        """

    async def call(
        self, id: str, event: str, args: tuple[Any, ...], namespace: str, timeout: float
    ) -> Any:
        """As `Connection.call`, for the connection with *id*.

        Raises:
            NotConnectedError: no connection to *namespace* has this id.
        """
