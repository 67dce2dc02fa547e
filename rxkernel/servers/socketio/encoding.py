"""The packets of the server (Socket.IO protocol v5), each encoded once through msgspec."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from rxkernel.kernel.serialization import SERIALIZER, Serializer, encode_json
from rxkernel.messages.event_names import check_event
from rxkernel.messages.response import Acknowledgement, Response
from rxkernel.routing.metadata import RESERVED_EVENTS
from rxkernel.servers.socketio.encoded_packet import EncodedPacket
from rxkernel.servers.socketio.packet import ACK, BINARY_EVENT, CONNECT_ERROR, EVENT
from rxkernel.servers.socketio.payload import NO_HEADERS, acknowledgement, check_not_streamed

_SCALARS = frozenset((str, int, float, bool, type(None)))

_ACKNOWLEDGEMENT = b'%b[{"statusCode":%d,"headers":%b,"content":%b}]'
"""The payload that `acknowledgement` returns for most responses, formatted directly because it is
sent for every event."""


def encode_packet(
    kind: int, namespace: str, id: int | None, data: Any, serializer: Serializer = SERIALIZER
) -> EncodedPacket:
    """Encode a packet. *data* may contain JSON values and bytes.

    Raises:
        TypeError, ValueError, RecursionError: *data* contains other values.
    """
    attachments: list[bytes] = []
    if not _is_json(data):
        data = _with_placeholders(serializer.to_plain(data), attachments)
    head = f"4{kind + BINARY_EVENT - EVENT}{len(attachments)}-" if attachments else f"4{kind}"
    if namespace != "/":
        head += f"{namespace},"
    if id is not None:
        head += str(id)
    text = head.encode() if data is None else head.encode() + encode_json(data)
    return EncodedPacket(text, tuple(attachments), is_event=kind == EVENT and id is None)


def _is_json(data: Any) -> bool:
    """Whether *data* certainly contains no bytes, which msgspec would encode as base64."""
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


def _with_placeholders(data: Any, attachments: list[bytes]) -> Any:
    """Move the bytes in *data* to *attachments*, and return *data* with placeholders."""
    if isinstance(data, bytes):
        attachments.append(data)
        return {"_placeholder": True, "num": len(attachments) - 1}
    if isinstance(data, list | tuple):
        return [_with_placeholders(item, attachments) for item in data]
    if isinstance(data, dict):
        return {key: _with_placeholders(item, attachments) for key, item in data.items()}
    return data


def encode_event(
    namespace: str,
    event: str,
    args: tuple[Any, ...],
    id: int | None,
    serializer: Serializer = SERIALIZER,
) -> EncodedPacket:
    """Encode an event; with an *id* it requests an acknowledgement.

    Raises:
        ValueError: *event* is a name that clients use for their own events.
        TypeError: *event* is not a str.
        TypeError, ValueError, RecursionError: see `encode_packet`.
    """
    check_event(event)
    if event in RESERVED_EVENTS:
        raise ValueError(f"the event name {event!r} is reserved by Socket.IO; use another name")
    return encode_packet(EVENT, namespace, id, [event, *args], serializer)


def encode_acknowledgement(
    namespace: str,
    id: int,
    response: Response,
    extra_headers: Mapping[str, str] = NO_HEADERS,
    serializer: Serializer = SERIALIZER,
) -> EncodedPacket:
    """Encode *response* as the acknowledgement *id*; *extra_headers* are added to its own.

    Raises:
        StreamNotSupportedException, TypeError, ValueError, RecursionError: see
            `acknowledgement`; also if the text is not valid Unicode.
    """
    if isinstance(response, Acknowledgement):
        return encode_packet(ACK, namespace, id, response.content, serializer)
    content, is_plain = response.content, type(response) is Response and not response.has_headers
    if not is_plain or response.status_code >= 400 or not _is_json(content):
        payload = acknowledgement(response, extra_headers, serializer)
        return encode_packet(ACK, namespace, id, [payload], serializer)
    head = f"43{id}" if namespace == "/" else f"43{namespace},{id}"
    headers = encode_json(extra_headers) if extra_headers else b"{}"
    values = (head.encode(), response.status_code, headers, encode_json(content))
    return EncodedPacket(_ACKNOWLEDGEMENT % values)


def encode_plain(
    namespace: str,
    id: int,
    response: Response,
    extra_headers: Mapping[str, str] = NO_HEADERS,
    serializer: Serializer = SERIALIZER,
) -> EncodedPacket:
    """Encode the content of *response* as an acknowledgement, for an event without an envelope."""
    if isinstance(response, Acknowledgement):
        return encode_packet(ACK, namespace, id, response.content, serializer)
    check_not_streamed(response)
    return encode_packet(ACK, namespace, id, [response.content], serializer)


def encode_rejection(
    namespace: str,
    response: Response,
    extra_headers: Mapping[str, str] = NO_HEADERS,
    serializer: Serializer = SERIALIZER,
) -> EncodedPacket:
    """Encode a CONNECT_ERROR: ``{"message": str, "data": <error body>}``. If the error body has
    ``data``, only that is sent as ``data``.

    Raises:
        StreamNotSupportedException, TypeError, ValueError, RecursionError: see
            `encode_acknowledgement`; also ValueError for bytes, which a CONNECT_ERROR cannot
            contain.
    """
    body = acknowledgement(response, extra_headers, serializer)
    phrase = HTTPStatus(response.status_code).phrase
    error = {"message": str(body.get("message", phrase)), "data": body.get("data", body)}
    encoded = encode_packet(CONNECT_ERROR, namespace, None, error, serializer)
    if encoded.attachments:
        raise ValueError("a CONNECT_ERROR cannot contain bytes")
    return encoded


def encode_connect_error(namespace: str, message: str) -> EncodedPacket:
    """Encode a CONNECT_ERROR for a namespace that the client cannot connect to."""
    return encode_packet(CONNECT_ERROR, namespace, None, {"message": message})
