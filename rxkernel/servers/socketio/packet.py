"""The packets of clients (Socket.IO protocol v5), read strictly through msgspec."""

import re
from typing import Any

import attrs

from rxkernel.kernel.serialization import read_json
from rxkernel.namespaces import NAMESPACE_SYNTAX
from rxkernel.routing.metadata import RESERVED_EVENTS
from rxkernel.servers.socketio.protocol_error import ProtocolError

CONNECT, DISCONNECT, EVENT, ACK, CONNECT_ERROR, BINARY_EVENT, BINARY_ACK = range(7)
EVENTS, _ACKS = (EVENT, BINARY_EVENT), (ACK, BINARY_ACK)

_HEAD = re.compile(
    r"([0-6])(?:([1-9][0-9]{0,9})-)?"
    rf"(?:({NAMESPACE_SYNTAX})(?:\?[^,]{{0,255}})?(?:,|\Z))?([0-9]{{1,16}})?",
    re.ASCII,
)
"""Type, number of attachments, namespace without its query, acknowledgement id. JSON follows."""

_MAX_CONTAINERS = 10_000
"""Limit of the lists and objects in a packet with attachments, which are all searched for
placeholders."""

_MAX_ID = 2**53 - 1
"""The largest integer that JavaScript holds exactly."""


@attrs.define(eq=False)
class Packet:
    """A packet of a client; ``missing`` is the number of attachments still to be received."""

    kind: int
    namespace: str
    id: int | None
    data: Any
    missing: int = 0
    attachments: tuple[bytes, ...] = ()
    size: int = 0


def read_packet(text: str, max_attachments: int) -> Packet:
    """Parse the text of a packet.

    NaN and Infinity are not JSON: a browser that received them in a broadcast would fail.

    Raises:
        ProtocolError: *text* violates the protocol, or announces more than *max_attachments*.
    """
    found = _HEAD.match(text)
    if found is None:
        raise ProtocolError("not a Socket.IO packet")
    number, attachments, namespace, digits = found.groups()
    kind, id = int(number), None if digits is None else int(digits)
    missing = int(attachments) if attachments else 0
    if missing > max_attachments:
        raise ProtocolError(f"{missing} attachments", "socketio.max_attachments")
    if (missing > 0) != (kind >= BINARY_EVENT):
        raise ProtocolError(f"packet type {kind} with {missing} attachments")
    if id is not None and id > _MAX_ID:
        raise ProtocolError("an acknowledgement id above 2**53 - 1")
    if missing and text.count("[") + text.count("{") > _MAX_CONTAINERS:
        raise ProtocolError("too many lists and objects in a packet with attachments")
    data = _read_json(payload, kind) if (payload := text[found.end() :]) else None
    if kind in EVENTS:
        _check_event(data)
    else:
        _check(kind, id, data)
    return Packet(kind, namespace or "/", id, data, missing)


def _read_json(payload: str, kind: int) -> Any:
    try:
        return read_json(payload)
    except ValueError as exc:
        if kind == CONNECT and not payload.startswith("/"):
            return exc  # not an object, so the client gets a CONNECT_ERROR
        raise ProtocolError(f"invalid JSON: {exc}") from exc


def _check_event(data: Any) -> None:
    if type(data) is not list or not data or type(data[0]) is not str:
        raise ProtocolError("an event without a name")
    if data[0] in RESERVED_EVENTS:
        raise ProtocolError(f"an event with the reserved name {data[0]!r}")


def _check(kind: int, id: int | None, data: Any) -> None:
    if kind in _ACKS:
        if type(data) is not list or id is None:
            raise ProtocolError("an acknowledgement without values or id")
    elif id is not None:
        raise ProtocolError(f"packet type {kind} with an acknowledgement id")
    elif kind == CONNECT_ERROR:
        raise ProtocolError("CONNECT_ERROR from a client")
    elif kind == DISCONNECT and data is not None:
        raise ProtocolError("a DISCONNECT with data")
