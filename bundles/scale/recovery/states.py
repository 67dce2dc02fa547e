"""The states of clients as bytes."""

from typing import Any

from bundles.scale.bus.packing import pack, unpack
from rxkernel import ConnectionState, Serializer

_SCALARS = frozenset((str, bytes, int, float, bool, type(None)))
_DEEPEST = 32


def pack_state(serializer: Serializer, state: ConnectionState, since: Any) -> bytes:
    """Encode *state*, without the attributes that come back as something else: only those made of
    str, bytes, int, float, bool, None, lists, and dicts with names are kept.

    Args:
        since: stands for that of *state*; plain values.
    """
    attributes = {
        name: value for name, value in state.attributes.items() if _is_plain(value, _DEEPEST)
    }
    return pack(
        serializer,
        *(state.id, state.namespace, sorted(state.rooms), attributes, state.identifier, since),
    )


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
    id, namespace, rooms, attributes, identifier, since = unpack(body)
    return ConnectionState(id, namespace, frozenset(rooms), attributes, identifier, since)


def is_recipient(
    rooms: Any, skip: Any, namespace: str, id: str, state_namespace: str, joined: frozenset[str]
) -> bool:
    """Whether an event to *rooms* of *namespace* is for the client *id*, which is in *joined*."""
    if namespace != state_namespace or id in skip:
        return False
    return rooms is None or id in rooms or not joined.isdisjoint(rooms)
