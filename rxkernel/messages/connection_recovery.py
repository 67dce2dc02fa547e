"""The interface of connection state recovery (Socket.IO 4.6): a client that lost its connection
for a short time comes back with its id, its rooms and the events that it missed."""

from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple, Protocol

import attrs

from rxkernel.messages.broadcast_backend import Rooms

LogPosition = Any
"""A place in the log of events: all events before it have been recorded. Only the recovery that
made it reads it."""


class MissedEvent(NamedTuple):
    """An event that was sent while the client was away.

    Attributes:
        offset: the text that is sent as the last argument of the event.
    """

    event: str
    args: Sequence[Any]
    offset: str


@attrs.frozen
class ConnectionState:
    """What a client gets back.

    Attributes:
        attributes: those of the connection that can be stored.
        identifier: of the user of ``connection.token``; None for an anonymous client.
        since: a position; the client has received all events before it.
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
    """What a client has missed, when it connects again.

    Attributes:
        events: in the order in which they were sent.
        rooms: of the client, after the changes that were made while it was away.
        covers: whether an event, by its position, is one of those that were searched.
        since: that of the restored client, from which it can recover again.
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
        """The text of `position`, which clients send back."""

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
            is_local: its recipients are connected to this process.

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
        """Add a change of the clients in *rooms*, of which some may be away.

        Returns when it is in the log; False if that is not possible.
        """

    async def keep(self, pid: str, state: ConnectionState) -> None:
        """Keep *state* for the client with the private id *pid*."""

    async def take(self, pid: str, offset: str | None, namespace: str) -> ConnectionState | None:
        """Return the state that was kept for *pid* and remove it; None if there is none.

        Its ``since`` follows from *offset*, which the client sent, unless that is None.
        """

    async def missed(self, state: ConnectionState) -> MissedEvents | None:
        """Return the events for *state* that were recorded after its ``since``.

        The client is in its rooms already, so what is sent from now on reaches it. None if some
        events are missing, or if the client was disconnected while it was away.
        """
