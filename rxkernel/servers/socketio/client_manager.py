"""The rooms of connections, and broadcasts to them.

python-socketio's own manager searches all rooms when a client disconnects, keeps a room and a
two-way map for each client, and starts a task for each recipient. This manager keeps the rooms of
each client, and encodes a broadcast once for all sessions.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import socketio

from rxkernel.messages.broadcast_backend import Rooms
from rxkernel.servers.socketio.connection import SocketioConnection
from rxkernel.servers.socketio.encoded_packet import EncodedPacket
from rxkernel.servers.socketio.encoding import encode_event

Room = str | None


class ClientManager(socketio.AsyncManager):  # type: ignore[misc]
    """The client manager of the `Engine`. The room None contains all clients of a namespace."""

    def __init__(self) -> None:
        super().__init__()
        self._rooms_of: dict[str, set[Room]] = {}

    def pre_connect_as(self, sid: str, eio_sid: str, namespace: str) -> None:
        """Do the same as `pre_connect`, with the id of a connection that has ended."""
        self.basic_enter_room(sid, namespace, None, eio_sid=eio_sid)
        self.pending_connect.setdefault(namespace, []).append(sid)

    async def enter_room(
        self, sid: str, namespace: str, room: Room, eio_sid: str | None = None
    ) -> None:
        _check_named(room)
        await super().enter_room(sid, namespace, room, eio_sid=eio_sid)

    async def leave_room(self, sid: str, namespace: str, room: Room) -> None:
        _check_named(room)
        await super().leave_room(sid, namespace, room)

    async def close_room(self, room: Room, namespace: str) -> None:
        _check_named(room)
        await super().close_room(room, namespace)

    def basic_enter_room(
        self, sid: str, namespace: str, room: Room, eio_sid: str | None = None
    ) -> None:
        if sid == room:
            return  # `get_participants` finds a client by its id without a room
        if self.is_sid_room(namespace, room):
            raise ValueError(f"{room!r} is the room of another connection")
        if eio_sid is None:
            if not self.is_sid_room(namespace, sid):
                raise ValueError("sid is not connected to requested namespace")
            eio_sid = self.rooms[namespace][None][sid]
        self.rooms.setdefault(namespace, {}).setdefault(room, {})[sid] = eio_sid
        if room is not None:
            self._rooms_of.setdefault(sid, set()).add(room)

    def sid_from_eio_sid(self, eio_sid: str, namespace: str) -> str | None:
        clients = self.rooms.get(namespace, {}).get(None, {})
        return next((sid for sid, one in clients.items() if one == eio_sid), None)

    def basic_leave_room(self, sid: str, namespace: str, room: Room) -> None:
        super().basic_leave_room(sid, namespace, room)
        if sid in self._rooms_of:
            self._rooms_of[sid].discard(room)

    def basic_disconnect(self, sid: str, namespace: str, **_: Any) -> None:
        for room in (*self._rooms_of.pop(sid, ()), None):
            super().basic_leave_room(sid, namespace, room)
        self.callbacks.pop(sid, None)
        for pending in (self.pending_connect, self.pending_disconnect):
            if sid in pending.get(namespace, ()):
                pending[namespace].remove(sid)
                if not pending[namespace]:
                    del pending[namespace]

    def get_rooms(self, sid: str, namespace: str) -> list[Room]:
        return [sid, *self._rooms_of.get(sid, ())]

    def get_participants(self, namespace: str, room: Any) -> Iterator[tuple[str, str]]:
        """Yield ``(sid, engine sid)`` of all clients in *room*, or in any of a list of rooms.

        A connection that is not accepted yet is included only if *room* is its own id.
        """
        rooms = self.rooms.get(namespace, {})
        clients: Mapping[str, str] = rooms.get(None, {})
        undecided = self.pending_connect.get(namespace, ())
        is_list = _is_list(room)
        found: dict[str, str] = {}
        for one in room if is_list else [room]:
            if one is not None and one in clients:
                yield one, clients[one]
            else:
                found.update(rooms.get(one, {}))
        for sid, eio_sid in found.items():
            if sid not in undecided and not (is_list and sid in room):
                yield sid, eio_sid

    def _generate_ack_id(self, sid: str, callback: Any) -> int:
        """Use the counter of the connection, so that `SocketioConnection.call` and callbacks of
        python-socketio have different ids."""
        id: int = self.server.connections[sid].next_ack_id()
        self.callbacks.setdefault(sid, {})[id] = callback
        return id

    async def emit(
        self,
        event: str,
        data: Any,
        namespace: str,
        room: Any = None,
        skip_sid: Any = None,
        callback: Any = None,
        to: Any = None,
        **_: Any,
    ) -> None:
        """Implement ``emit`` of `socketio.AsyncServer`; *callback* is called for each client."""
        args, skip = arguments(data), skip_sid if isinstance(skip_sid, list) else [skip_sid]
        serializer = self.server.content_serializer
        if callback is None:
            rooms = _rooms(to or room)
            packet = self.server.recorded(event, args, rooms, namespace, skip)
            self.send(packet, namespace, to or room, skip)
            return
        for connection in self.recipients(namespace, to or room, skip):
            id = self._generate_ack_id(connection.id, callback)
            connection.put(encode_event(namespace, event, args, id, serializer))

    def send(
        self, packet: EncodedPacket, namespace: str, room: Any, skip: Collection[str | None]
    ) -> None:
        """Send *packet* to every client of *room* except those whose id is in *skip*."""
        for connection in self.recipients(namespace, room, skip):
            connection.put(packet)

    def recipients(
        self, namespace: str, room: Any, skip: Collection[str | None] = ()
    ) -> list[SocketioConnection]:
        """Return the connections of `get_participants`, except those whose id is in *skip*."""
        connections = self.server.connections
        return [
            connections[sid]
            for sid, _ in self.get_participants(namespace, room)
            if sid not in skip and sid in connections
        ]


def _check_named(room: Room) -> None:
    """Check that *room* is not None: a client that left that room would receive no broadcasts and
    could not be disconnected."""
    if room is None:
        raise TypeError("room is None, the room of all clients; pass the name of another room")


def _rooms(room: Any) -> Rooms:
    if room is None:
        return None
    return tuple(room) if _is_list(room) else (room,)


def _is_list(room: Any) -> bool:
    return hasattr(room, "__len__") and not isinstance(room, str)


def arguments(data: Any) -> tuple[Any, ...]:
    """Return the arguments that python-socketio sends for *data*; a tuple contains several."""
    return data if isinstance(data, tuple) else () if data is None else (data,)
