"""The states of clients as bytes."""

from collections.abc import Sequence
from typing import Any

from bundles.scale.bus.packing import pack, unpack
from rxkernel import ConnectionState, MissedEvent, Serializer

_SCALARS = frozenset((str, bytes, int, float, bool, type(None)))
_DEEPEST = 32


def pack_state(serializer: Serializer, state: ConnectionState, since: Any, until: Any) -> bytes:
    """Encode *state*, without attributes that would be decoded as other values: only those of str,
    bytes, int, float, bool, None, lists, and dicts with str keys are kept.

    Args:
        since, until: encoded instead of those of *state*; plain values.
    """
    attributes = {
        name: value for name, value in state.attributes.items() if _is_plain(value, _DEEPEST)
    }
    rooms = sorted(state.rooms)
    values = (state.id, state.namespace, rooms, attributes, state.identifier, since, until)
    return pack(serializer, *values)


def _is_plain(value: Any, depth: int) -> bool:
    kind = type(value)
    if kind is int:
        return bool(-(2**63) <= value < 2**64)
    if kind in _SCALARS:
        return True
    if depth == 0:
        return False
    if kind is list:
        return all(_is_plain(item, depth - 1) for item in value)
    if kind is dict:
        return all(type(k) is str and _is_plain(v, depth - 1) for k, v in value.items())
    return False


def unpack_state(body: bytes) -> ConnectionState:
    """Return the state that `pack_state` encoded.

    Raises:
        ValueError: *body* is not such a state.
    """
    id, namespace, rooms, attributes, identifier, since, until = unpack(body)
    joined = frozenset(rooms)
    return ConnectionState(id, namespace, joined, attributes, identifier, since, until)


class MissedLog:
    """Collects the events that a client missed, entry by entry.

    Attributes:
        rooms: of the client after the entries so far.
        was_disconnected: whether one of them disconnected it.
    """

    def __init__(self, state: ConnectionState) -> None:
        self.events: list[MissedEvent] = []
        self.rooms = set(state.rooms)
        self.was_disconnected = False
        self._state = state

    def add_event(
        self, event: str, args: Sequence[Any], offset: str, rooms: Any, namespace: str, skip: Any
    ) -> None:
        if self._state.id not in skip and self._is_for(rooms, namespace):
            self.events.append(MissedEvent(event, args, offset))

    def add_change(self, change: Sequence[Any], rooms: Any, namespace: str) -> None:
        """Apply a change that was made after the connection had ended. Earlier changes are part of
        its state.

        Args:
            change: the rooms to join and to leave, and whether the client is disconnected.
        """
        if self._is_for(rooms, namespace):
            join, leave, disconnect = change
            self.rooms.update(join)
            self.rooms.difference_update(leave)
            self.was_disconnected |= disconnect

    def _is_for(self, rooms: Any, namespace: str) -> bool:
        state = self._state
        if namespace != state.namespace:
            return False
        return rooms is None or state.id in rooms or not self.rooms.isdisjoint(rooms)
