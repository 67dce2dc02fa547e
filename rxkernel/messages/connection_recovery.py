"""The interface of connection state recovery (Socket.IO 4.6).

A client that lost its connection for a short time gets back its id, its rooms and the events that
it missed.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple, Protocol

import attrs

from rxkernel.messages.broadcast_backend import Rooms

LogPosition = Any
"""A position in the log of events; all events before it are recorded. Only the recovery that
created it can read it."""


class MissedEvent(NamedTuple):
    """An event that was sent while the client was disconnected.

    Attributes:
        offset: the text that is sent as the last argument of the event.
    """

    event: str
    args: Sequence[Any]
    offset: str


@attrs.frozen
class ConnectionState:
    """The state of a connection that is restored when its client reconnects.

    Attributes:
        attributes: the attributes of the connection that can be stored.
        identifier: that of the user of ``connection.token``; None for an anonymous client.
        since: the client has received all events before this position.
        until: the position at which the connection ended.
    """

    id: str
    namespace: str
    rooms: frozenset[str]
    attributes: dict[str, Any]
    identifier: str | None
    since: LogPosition
    until: LogPosition


class MissedEvents(NamedTuple):
    """The events that a client missed, and its rooms.

    Attributes:
        events: in the order in which they were sent.
        rooms: the rooms of the client, after the changes during its absence.
        covers: whether the search for missed events included a position.
        since: the position from which the restored client can recover again.
    """

    events: list[MissedEvent]
    rooms: frozenset[str]
    covers: Callable[[LogPosition], bool]
    since: LogPosition


class ConnectionRecovery(Protocol):
    """Records events, and keeps the states of clients while they are disconnected."""

    @property
    def position(self) -> LogPosition:
        """The end of the log."""

    @property
    def offset(self) -> str:
        """`position` as the text that clients receive and send back."""

    def record(
        self,
        event: str,
        args: tuple[Any, ...],
        rooms: Rooms,
        namespace: str,
        skip: Collection[str],
        *,
        is_local: bool,
    ) -> None:
        """Add an event to the log, before it is sent. It does not wait.

        Args:
            is_local: whether only clients of this process receive it.

        Raises:
            TypeError, ValueError, RecursionError: *args* cannot be encoded.
        """

    async def record_change(
        self,
        rooms: tuple[str, ...],
        namespace: str,
        *,
        join: tuple[str, ...] = (),
        leave: tuple[str, ...] = (),
        disconnect: bool = False,
        is_local: bool,
    ) -> bool:
        """Add a change of the clients in *rooms*, some of which may be disconnected.

        Returns after it was added to the log; False if it could not be added.
        """

    async def keep(self, pid: str, state: ConnectionState) -> None:
        """Keep *state* for the client with the private id *pid*."""

    async def take(self, pid: str, offset: str | None, namespace: str) -> ConnectionState | None:
        """Return the state that was kept for *pid*, and remove it; None if it is unknown.

        Its ``since`` is the position of *offset*, which the client sent, unless that is None.
        """

    async def missed(self, state: ConnectionState) -> MissedEvents | None:
        """Return the events for *state* that were recorded after its ``since``.

        The client has joined its rooms already, so it receives all later events. None if some
        events are missing, or if `Broadcaster.disconnect` closed the connection meanwhile.
        """
