"""JSON and plain values, through msgspec (RFC 8259, UTF-8 only).

msgspec knows attrs classes, dataclasses, enums, dates, UUIDs and decimals, and refuses
what JSON does not have: NaN and Infinity are written as null and not read.
"""

from collections.abc import Mapping, Set
from pathlib import PurePath
from typing import Any

import msgspec

from rxkernel.exceptions import BadRequestException


def _plain(value: Any) -> Any:
    """What msgspec does not know by itself."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Set | type({}.keys()) | type({}.values())):
        return list(value)
    if isinstance(value, PurePath):
        return str(value)
    raise TypeError(f"{type(value).__qualname__} cannot be written as JSON")


_encoder = msgspec.json.Encoder(enc_hook=_plain)
_decoder = msgspec.json.Decoder()


def encode_json(value: Any) -> bytes:
    """Write *value* as JSON.

    Raises:
        TypeError, ValueError, RecursionError: JSON cannot hold it.
    """
    return _encoder.encode(value)


def decode_json(raw: bytes | str) -> Any:
    """Read JSON into dict, list, str, int, float, bool and None.

    Raises:
        BadRequestException: it is no JSON (400); the message says where it broke.
    """
    try:
        return _decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise BadRequestException(f"the body is not valid JSON: {exc}") from exc
    except RecursionError as exc:
        raise BadRequestException("the body is nested too deeply") from exc


def to_plain(value: Any) -> Any:
    """Turn *value* into dict, list, str, numbers, bool, None and bytes, for a socket packet.

    Raises:
        TypeError, ValueError, RecursionError: it cannot be.
    """
    return _with_lists(
        msgspec.to_builtins(
            value, builtin_types=(bytes, bytearray), str_keys=True, enc_hook=_plain
        )
    )


def _with_lists(value: Any) -> Any:
    """msgspec leaves tuples; who receives it has lists."""
    if isinstance(value, list | tuple):
        return [_with_lists(item) for item in value]
    if isinstance(value, dict):
        return {key: _with_lists(item) for key, item in value.items()}
    return value
