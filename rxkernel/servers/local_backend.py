"""Connects a `Broadcaster` with the connections of this process."""

import asyncio
from collections.abc import Sequence
from typing import Any, Protocol

from rxkernel.exceptions import NotConnectedError
from rxkernel.messages.broadcast_backend import BroadcastBackend, Rooms
from rxkernel.messages.connection import Connection
from rxkernel.messages.connection_info import ConnectionInfo


class ConnectionHolder(Protocol):
    """Holds connections: the engine of a server, or a test client."""

    def deliver(
        self,
        event: str,
        args: tuple[Any, ...],
        rooms: Rooms,
        namespace: str,
        skip: set[str],
        volatile: bool,
    ) -> None:
        """See `BroadcastBackend.broadcast`."""

    def select(self, rooms: Rooms, namespace: str) -> Sequence[Connection]:
        """Return the connections in at least one of *rooms*.

        A connection that is not accepted yet is selected only by its own id.
        """


class LocalBackend(BroadcastBackend):
    """The backend for the connections of *holder*."""

    is_local = True

    def __init__(self, holder: ConnectionHolder) -> None:
        self._holder = holder

    async def broadcast(
        self,
        event: str,
        args: tuple[Any, ...],
        rooms: Rooms,
        namespace: str,
        skip: set[str],
        volatile: bool,
    ) -> bool:
        self._holder.deliver(event, args, rooms, namespace, skip, volatile)
        return True

    async def connections(self, rooms: Rooms, namespace: str) -> Sequence[ConnectionInfo]:
        found = self._holder.select(rooms, namespace)
        return [ConnectionInfo(one.id, one.namespace, one.rooms) for one in found]

    async def change(
        self,
        rooms: tuple[str, ...],
        namespace: str,
        *,
        join: tuple[str, ...] = (),
        leave: tuple[str, ...] = (),
        disconnect: bool = False,
    ) -> bool:
        found = self._holder.select(rooms, namespace)
        for room in join:
            self._check_not_of_another(room, found, namespace)
        for connection in found:
            for room in join:
                await connection.join(room)
            for room in leave:
                await connection.leave(room)
        if disconnect:
            await asyncio.gather(*(connection.disconnect() for connection in found))
        return True

    def _check_not_of_another(
        self, room: str, joining: Sequence[Connection], namespace: str
    ) -> None:
        """Check that *room* is not the id of a connection other than the one that joins it."""
        holders = {one.id for one in self._holder.select((room,), namespace)}
        if room in holders and any(one.id != room for one in joining):
            raise ValueError(f"{room!r} is the room of another connection")

    async def call(
        self, id: str, event: str, args: tuple[Any, ...], namespace: str, timeout: float
    ) -> Any:
        for connection in self._holder.select((id,), namespace):
            if connection.id == id:
                return await connection.call(event, *args, timeout=timeout)
        raise NotConnectedError(f"no client has the id {id!r} in the namespace {namespace!r}")
