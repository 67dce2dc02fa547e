"""The packets of Moleculer's protocol, versions 4 and 5, in JSON.

They have the fields of the protocol. Unknown fields are ignored. Fields that are None are not
sent.
"""

import json
import re
from enum import StrEnum
from typing import Any, Literal, TypeVar

import msgspec

from bundles.gateway.cluster.node_ids import is_node_id

Protocol = Literal["4", "5"]

PROTOCOLS: tuple[Protocol, ...] = ("4", "5")
"""Moleculer 0.14 uses version 4, and 0.15 version 5."""


class Command(StrEnum):
    """The type of a packet, a part of its topic."""

    DISCOVER = "DISCOVER"
    INFO = "INFO"
    HEARTBEAT = "HEARTBEAT"
    DISCONNECT = "DISCONNECT"
    PING = "PING"
    PONG = "PONG"
    REQUEST = "REQ"
    RESPONSE = "RES"
    EVENT = "EVENT"


class Packet(msgspec.Struct, omit_defaults=True, kw_only=True):
    """The fields of all packets: the version of the protocol, and the node that sends it."""

    ver: str = ""
    sender: str = ""


class DiscoverPacket(Packet):
    """Asks other nodes for their `InfoPacket`."""


class DisconnectPacket(Packet):
    """The sender leaves the cluster."""


class HeartbeatPacket(Packet):
    """The sender is alive. ``cpu``: the load of its machine in percent."""

    cpu: float | None = None
    seq: int | None = None
    instance: str | None = msgspec.field(default=None, name="instanceID")


def _no_services() -> list[Any]:
    return []


class InfoPacket(Packet):
    """The actions and handlers of the sender. ``seq`` increases with each change."""

    # With `list` as the factory, msgspec would not send an empty list: but if the field is
    # missing, a node of Moleculer keeps the services that it knows.
    services: list[Any] = msgspec.field(default_factory=_no_services)
    instance: str = msgspec.field(default="", name="instanceID")
    seq: int = 0
    hostname: str | None = None
    client: dict[str, Any] | None = None
    config: dict[str, Any] | None = None
    ip_list: list[Any] | None = msgspec.field(default=None, name="ipList")
    metadata: Any = None


class PingPacket(Packet):
    """``time``: when it was sent, in milliseconds since 1970."""

    time: float = 0
    id: str | None = None


class PongPacket(Packet):
    """The reply to a ping. ``arrived``: when the ping was received, as ``time``."""

    time: float = 0
    arrived: float = 0
    id: str | None = None


class MessagePacket(Packet):
    """The common fields of calls and events. ``level`` is 1 for a call that is not nested."""

    level: int = 0
    meta: dict[str, Any] | None = None
    headers: dict[str, Any] | None = None
    request_id: str | None = msgspec.field(default=None, name="requestID")
    parent_id: str | None = msgspec.field(default=None, name="parentID")
    caller: str | None = None


class RequestPacket(MessagePacket):
    """A call, or a piece of its stream. ``timeout`` is in milliseconds.

    If ``stream`` is true, packets with the same ``id`` and increasing ``seq`` follow, whose
    ``params`` are the pieces. In the last one ``stream`` is false.
    """

    id: str = ""
    action: str = ""
    params: Any = None
    timeout: float | None = None
    stream: bool | None = None
    seq: int | None = None


class ResponsePacket(Packet):
    """The result or the error of a call. A stream is sent as in `RequestPacket`, with its pieces
    in ``data``."""

    id: str = ""
    success: bool = False
    data: Any = None
    error: dict[str, Any] | None = None
    meta: dict[str, Any] | None = None
    headers: dict[str, Any] | None = None
    stream: bool | None = None
    seq: int | None = None


class EventPacket(MessagePacket):
    """An event for the handlers of ``groups``, by default of all groups: one handler of each
    group, or all handlers if ``broadcast`` is true."""

    event: str = ""
    id: str | None = None
    data: Any = None
    groups: list[str] | None = None
    broadcast: bool | None = None


INVALID_PACKET = "INVALID_PACKET"
"""The type of the error of a call if its packet or the response cannot be read."""


class Envelope(Packet):
    """The common fields of calls and responses, which can be read if the rest is invalid."""

    id: str = ""


P = TypeVar("P", bound=Packet)

_CLASSES: dict[Command, type[Packet]] = {
    Command.DISCOVER: DiscoverPacket,
    Command.INFO: InfoPacket,
    Command.HEARTBEAT: HeartbeatPacket,
    Command.DISCONNECT: DisconnectPacket,
    Command.PING: PingPacket,
    Command.PONG: PongPacket,
    Command.REQUEST: RequestPacket,
    Command.RESPONSE: ResponsePacket,
    Command.EVENT: EventPacket,
}

_MOST_CHARACTERS = 500
"""The maximum length of an id, or of the name of an event or action: some are kept after their
message."""

_REQUIRED = {
    Command.REQUEST: ("id", "action"),
    Command.RESPONSE: ("id",),
    Command.EVENT: ("event",),
}

_LIMITED = {
    Command.REQUEST: ("id", "action"),
    Command.EVENT: ("id", "event"),
}

_DECODE = {command: msgspec.json.Decoder(cls).decode for command, cls in _CLASSES.items()}
_VERSION = msgspec.json.Decoder(Packet).decode
_ENVELOPE = msgspec.json.Decoder(Envelope).decode

_MOST_READ_AGAIN = 1024 * 1024
"""The maximum size of a packet that Python's json reads after msgspec has failed."""

_MOST_SCANNED = 64 * 1024
"""The maximum size of a packet whose envelope is searched although nothing reads it as JSON, such
as deeply nested lists: a search of 64 KiB blocks for 0.03 seconds."""

# The closing quote is optional: else a search in a text without an end takes quadratic time.
_TEXT_OR_BRACKET = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?|[][{}]', re.DOTALL)


class InvalidPacketError(Exception):
    """The packet cannot be used, and is dropped. *reason*: the key of its counter. *node_id*: set
    if the first packet of each node is logged."""

    def __init__(self, reason: str, text: str, node_id: str = "") -> None:
        super().__init__(text)
        self.reason = reason
        self.node_id = node_id


def read_packet(command: Command, data: bytes, accepted: tuple[str, ...]) -> Packet:
    """Decode *data*, a packet of one of the *accepted* versions.

    Raises:
        InvalidPacketError: the packet is invalid, or of another version.
    """
    try:
        packet = _DECODE[command](data)
    except (ValueError, RecursionError) as exc:  # errors of msgspec are ValueErrors
        raise _undecodable(data, accepted, exc) from exc
    if packet.ver not in accepted:
        raise _wrong_version(packet, accepted)
    if not is_node_id(packet.sender):
        raise InvalidPacketError("invalid", f"its sender is {packet.sender!r:.200}")
    for field in _REQUIRED.get(command, ()):
        if not getattr(packet, field):
            raise InvalidPacketError("invalid", f"it has no {field} (from {packet.sender!r})")
    for field in _LIMITED.get(command, ()):
        if len(getattr(packet, field) or "") > _MOST_CHARACTERS:
            raise InvalidPacketError("invalid", f"its {field} is long (from {packet.sender!r})")
    return packet


def _undecodable(data: bytes, accepted: tuple[str, ...], exc: Exception) -> InvalidPacketError:
    try:
        packet = _VERSION(data)
    except msgspec.ValidationError:
        return InvalidPacketError("invalid", str(exc))
    except (ValueError, RecursionError) as failure:
        return InvalidPacketError("not_json", f"it is not JSON: {failure}")
    if packet.ver not in accepted:
        return _wrong_version(packet, accepted)
    return InvalidPacketError("invalid", f"{exc} (from {packet.sender!r:.200})")


def _wrong_version(packet: Packet, accepted: tuple[str, ...]) -> InvalidPacketError:
    versions = " and ".join(accepted)
    return InvalidPacketError(
        "wrong_version",
        f"the node {packet.sender!r:.200} speaks version {packet.ver!r:.20} of the protocol; this "
        f"node reads {versions}",
        packet.sender[:200],
    )


def read_envelope(data: bytes) -> Envelope | None:
    """Return the envelope of *data*, a packet that `read_packet` rejects, such as JSON that is
    nested too deeply, or that has half of a surrogate pair. None: it cannot be read either."""
    try:
        return _ENVELOPE(data)
    except msgspec.ValidationError:
        return None
    except (ValueError, RecursionError):
        if len(data) > _MOST_READ_AGAIN:
            return None
    try:
        return _read_with_json(data)
    except (ValueError, RecursionError):
        if len(data) > _MOST_SCANNED:
            return None
    try:
        return _read_with_json(_without_nested(data))
    except ValueError:
        return None


def _read_with_json(data: bytes) -> Envelope:
    """Read *data* with Python's json, which accepts half of a surrogate pair."""
    return msgspec.convert(json.loads(data.decode("utf-8", "replace"), strict=False), Envelope)


def _without_nested(data: bytes) -> bytes:
    """Return the JSON object *data* with null instead of its objects and lists."""
    kept, begin, depth = [], 0, 0
    for found in _TEXT_OR_BRACKET.finditer(data):
        match found[0]:
            case b"{" | b"[":
                depth += 1
                if depth == 2:
                    kept.append(data[begin : found.start()])
            case b"}" | b"]":
                depth -= 1
                if depth == 1:
                    kept.append(b"null")
                    begin = found.end()
    kept.append(data[begin:])
    return b"".join(kept)
