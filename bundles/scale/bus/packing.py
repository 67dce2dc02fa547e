"""MessagePack for the values of messages."""

from typing import Any

import msgspec

from rxkernel import Serializer

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode


def pack(serializer: Serializer, *values: Any) -> bytes:
    """Encode *values*, which consist of JSON values and bytes.

    Raises:
        TypeError, ValueError, RecursionError: a value cannot be encoded; ValueError also for
            integers of more than 64 bits.
    """
    try:
        return _encode(serializer.to_plain(values))
    except OverflowError as exc:
        raise ValueError(f"an integer of more than 64 bits cannot be sent: {exc}") from exc


def unpack(body: bytes) -> list[Any]:
    """Return the values that `pack` was called with.

    Raises:
        ValueError: *body* is not such a list.
    """
    try:
        values = _decode(body)
    except (msgspec.DecodeError, RecursionError) as exc:
        raise ValueError(f"the message is not MessagePack: {exc}") from exc
    if not isinstance(values, list):
        raise ValueError("the message is not a list")
    return values
