"""Socket.IO packets (protocol v5), read strictly and written once, through msgspec."""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import attrs
import msgspec
from socketio import packet

from rxkernel.exceptions import BadRequestException
from rxkernel.kernel.serialization import encode_json, read_json, to_plain
from rxkernel.messages.response import Acknowledgement, Response
from rxkernel.routing.metadata import RESERVED_EVENTS
from rxkernel.servers.socketio.limits import ProtocolError
from rxkernel.servers.socketio.outbox import Outgoing
from rxkernel.servers.socketio.wire import NO_MARKS, acknowledgement

CONNECT, DISCONNECT, EVENT, ACK, CONNECT_ERROR, BINARY_EVENT, BINARY_ACK = range(7)
EVENTS, _ACKS = (EVENT, BINARY_EVENT), (ACK, BINARY_ACK)

_HEAD = re.compile(
    r"([0-6])(?:([1-9][0-9]{0,9})-)?(?:(/[^,?]{0,255})(?:\?[^,]{0,255})?(?:,|\Z))?([0-9]{1,16})?",
    re.ASCII,
)
"""Type, number of attachments, namespace without its query, acknowledgement id; then JSON."""

_MOST_CONTAINERS = 10_000
"""Lists and objects of a packet with attachments: all are searched for their places."""

_LARGEST_ID = 2**53 - 1

_SCALARS = frozenset((str, int, float, bool, type(None)))


@attrs.define(eq=False)
class Inbound:
    """A packet of a client; ``missing`` attachments are still to come."""

    kind: int
    namespace: str
    id: int | None
    data: Any
    missing: int = 0
    attachments: tuple[bytes, ...] = ()
    size: int = 0


def read_packet(text: str, max_attachments: int) -> Inbound:
    """Read the text of a packet.

    NaN and Infinity, which would break every browser of a room, are no JSON.

    Raises:
        ProtocolError: it breaks the protocol, or announces more than *max_attachments*.
    """
    found = _HEAD.match(text)
    if found is None:
        raise ProtocolError("no Socket.IO packet")
    number, attachments, namespace, given = found.groups()
    kind, id = int(number), None if given is None else int(given)
    missing = int(attachments) if attachments else 0
    if missing > max_attachments:
        raise ProtocolError(f"{missing} attachments", "socketio.max_attachments")
    if (missing > 0) != (kind >= BINARY_EVENT):
        raise ProtocolError("attachments where none can be, or none where they must")
    if id is not None and id > _LARGEST_ID:
        raise ProtocolError("an acknowledgement id above 2**53 - 1")
    if missing and text.count("[") + text.count("{") > _MOST_CONTAINERS:
        raise ProtocolError("too many lists and objects to look for attachments in")
    data = _read_json(payload, kind) if (payload := text[found.end() :]) else None
    if kind in EVENTS:
        _check_event(data)
    else:
        _check(kind, id, data)
    return Inbound(kind, namespace or "/", id, data, missing)


def _read_json(payload: str, kind: int) -> Any:
    try:
        return read_json(payload)
    except ValueError as exc:
        if kind == CONNECT and not payload.startswith("/"):
            return exc  # its sender has asked something, so it is told
        raise ProtocolError(f"no JSON: {exc}") from exc


def _check_event(data: Any) -> None:
    if type(data) is not list or not data or type(data[0]) is not str:
        raise ProtocolError("an event without a name")
    if data[0] in RESERVED_EVENTS:
        raise ProtocolError(f"an event by the reserved name {data[0]!r}")


def _check(kind: int, id: int | None, data: Any) -> None:
    if kind in _ACKS:
        if type(data) is not list or id is None:
            raise ProtocolError("an acknowledgement without values or id")
    elif id is not None:
        raise ProtocolError("an id where none can be")
    elif kind == CONNECT_ERROR:
        raise ProtocolError("a packet that only servers send")
    elif kind == DISCONNECT and data is not None:
        raise ProtocolError("a DISCONNECT that says something")


def add_attachment(read: Inbound, attachment: bytes, limit: int) -> None:
    """Put the next attachment where it belongs, once all have come.

    Raises:
        ProtocolError: together they are above *limit* bytes, or do not fit their places.
    """
    read.size += len(attachment)
    if read.size > limit:
        raise ProtocolError("attachments are too large", "socketio.max_payload")
    read.attachments += (attachment,)
    read.missing -= 1
    if read.missing:
        return
    places: list[int] = []
    try:
        read.data = _filled(read.data, read.attachments, places)
    except RecursionError as exc:
        raise ProtocolError("nested too deeply") from exc
    if sorted(places) != list(range(len(read.attachments))):
        raise ProtocolError("attachments and placeholders do not fit")


def _filled(data: Any, attachments: tuple[bytes, ...], places: list[int]) -> Any:
    if isinstance(data, list):
        return [_filled(item, attachments, places) for item in data]
    if not isinstance(data, dict):
        return data
    if data.get("_placeholder") is True:
        number = data.get("num")
        if type(number) is not int or not 0 <= number < len(attachments):
            raise ProtocolError("a placeholder for an attachment that there is not")
        places.append(number)
        return attachments[number]
    return {key: _filled(item, attachments, places) for key, item in data.items()}


def read_auth(data: Any) -> dict[str, Any] | None:
    """What a client sent with CONNECT.

    Raises:
        BadRequestException: neither an object nor nothing.
    """
    if data is None or isinstance(data, dict):
        return data
    raise BadRequestException("auth must be a JSON object")


def encode_packet(kind: int, namespace: str, id: int | None, data: Any) -> Outgoing:
    """A packet as it is sent; *data* may be anything that JSON holds, and bytes.

    Raises:
        TypeError, ValueError, RecursionError: it holds something else.
    """
    attachments: list[bytes] = []
    if not _is_json(data):
        data = _parted(to_plain(data), attachments)
    head = f"4{kind + BINARY_EVENT - EVENT}{len(attachments)}-" if attachments else f"4{kind}"
    if namespace != "/":
        head += f"{namespace},"
    if id is not None:
        head += str(id)
    text = head.encode() if data is None else head.encode() + encode_json(data)
    return Outgoing(text, tuple(attachments), is_event=kind == EVENT and id is None)


def _is_json(data: Any) -> bool:
    """Whether *data* is surely without bytes, which msgspec would write as base64."""
    kind = type(data)
    if kind is dict:
        for key, value in data.items():
            if type(key) is not str or not (type(value) in _SCALARS or _is_json(value)):
                return False
        return True
    if kind is list or kind is tuple:
        for item in data:  # noqa: SIM110 - a generator for each list costs more
            if not (type(item) in _SCALARS or _is_json(item)):
                return False
        return True
    return kind in _SCALARS


def _parted(data: Any, attachments: list[bytes]) -> Any:
    """*data* with a placeholder in place of each attachment."""
    if isinstance(data, bytes | bytearray):
        attachments.append(bytes(data))
        return {"_placeholder": True, "num": len(attachments) - 1}
    if isinstance(data, list | tuple):
        return [_parted(item, attachments) for item in data]
    if isinstance(data, dict):
        return {key: _parted(item, attachments) for key, item in data.items()}
    return data


def encode_event(namespace: str, event: str, args: tuple[Any, ...], id: int | None) -> Outgoing:
    """The packet of an event; *id* asks for an acknowledgement.

    Raises:
        ValueError: a client would take *event* for one of its own, and break off.
        TypeError, RecursionError: as `encode_packet`.
    """
    if event in RESERVED_EVENTS:
        raise ValueError(f"{event!r} is an event of Socket.IO itself; choose another name")
    return encode_packet(EVENT, namespace, id, [event, *args])


def encode_acknowledgement(
    namespace: str, id: int, response: Response, marks: Mapping[str, str] = NO_MARKS
) -> Outgoing:
    """The packet that acknowledges *id*; *marks* are headers besides those of *response*.

    Raises:
        StreamNotSupportedException, TypeError, ValueError, RecursionError: see
            `acknowledgement`; also where the text cannot be UTF-8.
    """
    if isinstance(response, Acknowledgement):
        return encode_packet(ACK, namespace, id, response.content)
    content, is_usual = response.content, type(response) is Response and not response.has_headers
    if not is_usual or response.status_code >= 400 or not _is_json(content):
        return encode_packet(ACK, namespace, id, [acknowledgement(response, marks)])
    head = f"43{id}" if namespace == "/" else f"43{namespace},{id}"
    headers = encode_json(marks) if marks else b"{}"
    values = (head.encode(), response.status_code, headers, encode_json(content))
    return Outgoing(_PREPARED % values)


_PREPARED = b'%b[{"statusCode":%d,"headers":%b,"content":%b}]'
"""What `acknowledgement` is for most answers, written at once: every event pays for it."""


def encode_refusal(
    namespace: str, response: Response, marks: Mapping[str, str] = NO_MARKS
) -> Outgoing:
    """The CONNECT_ERROR packet: ``{"message": str, "data": <error body>}``.

    Raises:
        As `encode_acknowledgement`; also ValueError for bytes, which it cannot carry.
    """
    body = acknowledgement(response, marks)
    phrase = HTTPStatus(response.status_code).phrase
    error = {"message": str(body.get("message", phrase)), "data": body}
    encoded = encode_packet(CONNECT_ERROR, namespace, None, error)
    if encoded.attachments:
        raise ValueError("a refusal cannot carry bytes")
    return encoded


def encode_invalid_namespace(namespace: str) -> Outgoing:
    """The CONNECT_ERROR for a namespace that nobody serves, in the protocol's own words."""
    return encode_packet(CONNECT_ERROR, namespace, None, {"message": "Invalid namespace"})


class _Json:
    """msgspec behind the names that python-socketio calls.

    ``json=`` of `socketio.AsyncServer` would set it for every server of the process; on a
    packet class of our own it is ours alone.
    """

    @staticmethod
    def dumps(value: Any, **_: Any) -> str:
        return msgspec.json.encode(value).decode()


class KernelPacket(packet.Packet):  # type: ignore[misc]
    """What python-socketio sends by itself; packets of clients are read by `read_packet`."""

    json = _Json
