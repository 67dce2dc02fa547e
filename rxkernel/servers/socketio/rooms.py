"""Who is in which room, and one message to all of them.

python-socketio looks through every room when a client leaves, keeps a room and a two-way map
for each client, and starts a task for each recipient; here leaving costs what the client's own
rooms cost, and a broadcast is encoded once and put before each session.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import socketio

from rxkernel.servers.socketio.connection import SocketioConnection
from rxkernel.servers.socketio.outbox import Outgoing
from rxkernel.servers.socketio.packet import encode_event

Room = str | None


class Rooms(socketio.AsyncManager):  # type: ignore[misc]
    """python-socketio's manager; the room None of a namespace is everybody in it."""

    def __init__(self) -> None:
        super().__init__()
        self._of: dict[str, set[Room]] = {}

    def basic_enter_room(
        self, sid: str, namespace: str, room: Room, eio_sid: str | None = None
    ) -> None:
        if sid == room:
            return  # everybody is; `get_participants` knows
        if self.is_sid_room(namespace, room):
            raise ValueError("cannot enter a sid room")
        if eio_sid is None:
            if not self.is_sid_room(namespace, sid):
                raise ValueError("sid is not connected to requested namespace")
            eio_sid = self.rooms[namespace][None][sid]
        self.rooms.setdefault(namespace, {}).setdefault(room, {})[sid] = eio_sid
        if room is not None:
            self._of.setdefault(sid, set()).add(room)

    def sid_from_eio_sid(self, eio_sid: str, namespace: str) -> str | None:
        everybody = self.rooms.get(namespace, {}).get(None, {})
        return next((sid for sid, one in everybody.items() if one == eio_sid), None)

    def basic_leave_room(self, sid: str, namespace: str, room: Room) -> None:
        super().basic_leave_room(sid, namespace, room)
        if sid in self._of:
            self._of[sid].discard(room)

    def basic_disconnect(self, sid: str, namespace: str, **_: Any) -> None:
        for room in (*self._of.pop(sid, ()), None):
            super().basic_leave_room(sid, namespace, room)
        self.callbacks.pop(sid, None)
        for pending in (self.pending_connect, self.pending_disconnect):
            if sid in pending.get(namespace, ()):
                pending[namespace].remove(sid)
                if not pending[namespace]:
                    del pending[namespace]

    def get_rooms(self, sid: str, namespace: str) -> list[Room]:
        return [sid, *self._of.get(sid, ())]

    def get_participants(self, namespace: str, room: Any) -> Iterator[tuple[str, str]]:
        """``(sid, engine sid)`` of all in *room*, or in any of a list of rooms.

        A client whose CONNECT is still being decided hears no broadcast, but what is for it
        alone.
        """
        rooms = self.rooms.get(namespace, {})
        everybody: Mapping[str, str] = rooms.get(None, {})
        undecided = self.pending_connect.get(namespace, ())
        several = hasattr(room, "__len__") and not isinstance(room, str)
        found: dict[str, str] = {}
        for one in room if several else [room]:
            if one is not None and one in everybody:
                yield one, everybody[one]
            else:
                found.update(rooms.get(one, {}))
        for sid, eio_sid in found.items():
            if sid not in undecided and not (several and sid in room):
                yield sid, eio_sid

    def _generate_ack_id(self, sid: str, callback: Any) -> int:
        """Counted with the calls of `SocketioConnection`: both are answered to one client."""
        id: int = self.server.connections[sid].next_call()
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
        """What python-socketio's own ``emit`` ends in; *callback* gets the answer of each."""
        args, skip = arguments(data), skip_sid if isinstance(skip_sid, list) else [skip_sid]
        if callback is None:
            self.deliver(encode_event(namespace, event, args, None), namespace, to or room, skip)
            return
        for connection in self._recipients(namespace, to or room, skip):
            id = self._generate_ack_id(connection.id, callback)
            connection.put(encode_event(namespace, event, args, id))

    def deliver(
        self, message: Outgoing, namespace: str, room: Any, skip: Collection[str | None]
    ) -> None:
        """Put *message* before every client of *room* but those of *skip*."""
        for connection in self._recipients(namespace, room, skip):
            connection.put(message)

    def _recipients(
        self, namespace: str, room: Any, skip: Collection[str | None]
    ) -> list[SocketioConnection]:
        connections = self.server.connections
        return [
            connections[sid]
            for sid, _ in self.get_participants(namespace, room)
            if sid not in skip and sid in connections
        ]


def arguments(data: Any) -> tuple[Any, ...]:
    """What python-socketio makes of the *data* of an event: a tuple is several values."""
    return data if isinstance(data, tuple) else () if data is None else (data,)
