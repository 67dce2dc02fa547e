"""The JSON packets of the protocol, see ``docs/bundles/metacom-protocol.md``."""

from collections.abc import Callable, Mapping
from typing import Any, Literal

import msgspec

from bundles.metacom.dialect import Dialect, Id
from rxkernel import BadRequestException, Response, StreamNotSupportedException, decode_json

Encode = Callable[[Any], bytes]
"""The method `Serializer.encode_json` of the application."""

PING = PONG = "{}"
"""The ping of dialect A, exactly as clients send it, and its response."""


class Call(msgspec.Struct, eq=False):
    """A packet that calls *method*."""

    id: Id
    method: str
    args: dict[str, Any] | list[Any]
    type: Literal["call"]


_decode_call = msgspec.json.Decoder(Call).decode

_BRACKETS = 64
"""The number of brackets up to which a text cannot be nested too deeply for `decode_json`."""


def read_valid_call(text: str) -> Call | None:
    """Return the call in *text*; None if it is another packet, or does not have all fields.

    This is the fast path: most packets are calls, and it takes half the time of `read_packet`.
    """
    try:
        call = _decode_call(text)
    except (ValueError, RecursionError):
        return None
    if not (call.id and call.method):
        return None
    return call if text.count("[") + text.count("{") <= _BRACKETS else None


def read_packet(text: str | bytes) -> dict[str, Any]:
    """Read a packet.

    Raises:
        BadRequestException: it is not a JSON object.
    """
    packet = decode_json(text)
    if type(packet) is not dict:
        raise BadRequestException("a packet must be a JSON object")
    return packet


def id_of(packet: Mapping[str, Any]) -> Id | None:
    """Return the id of *packet*: a number other than 0, or a non-empty text; otherwise None."""
    id = packet.get("id")
    kind = type(id)
    return id if id and (kind is int or kind is str or kind is float) else None


def read_call(packet: Mapping[str, Any], id: Id) -> Call:
    """Read a packet of the type ``call``.

    Raises:
        BadRequestException: ``method`` or ``args`` is invalid.
    """
    method, args = packet.get("method"), packet.get("args", _NO_ARGUMENTS)
    if type(method) is not str or not method:
        raise BadRequestException("method must be the name of a method, such as 'unit/method'")
    if args is _NO_ARGUMENTS:
        args = {}
    elif type(args) is not dict and type(args) is not list:
        raise BadRequestException("args must be an object or an array")
    return Call(id, method, args, "call")


_NO_ARGUMENTS = object()


def callback(id: Id, response: Response, encode: Encode) -> bytes:
    """Return the callback with the content of *response*, whose status is below 400.

    Raises:
        StreamNotSupportedException: *response* is a stream or a file.
        TypeError, ValueError, RecursionError: its content cannot be encoded as JSON.
    """
    if response.is_streamed:
        raise StreamNotSupportedException(
            f"a {type(response).__name__} cannot be sent in a callback; return the content itself"
        )
    return b'{"type":"callback","id":%b,"result":%b}' % (encode(id), encode(response.content))


def error_callback(
    id: Id | None, error: Mapping[str, Any], dialect: Dialect, encode: Encode
) -> bytes:
    """Return the callback with *error*. Without an *id*, the packet has no key ``id`` in dialect
    A, and an empty one in dialect B."""
    if id is None and dialect is Dialect.A:
        return b'{"type":"callback","error":%b}' % encode(error)
    return b'{"type":"callback","id":%b,"error":%b}' % (encode(id or ""), encode(error))


def event(name: str, args: tuple[Any, ...], encode: Encode) -> bytes:
    """Return the packet of an event. Its data is the argument; an empty object if *args* is empty;
    a list of several.

    Raises:
        TypeError, ValueError, RecursionError: an argument cannot be encoded as JSON.
    """
    data = args[0] if len(args) == 1 else list(args) if args else {}
    return b'{"type":"event","name":%b,"data":%b}' % (encode(name), encode(data))
