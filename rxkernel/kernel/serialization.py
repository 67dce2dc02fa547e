"""JSON, MessagePack and plain values, through msgspec (RFC 8259, UTF-8 only).

msgspec knows attrs classes, dataclasses, enums, dates, UUIDs and decimals, and refuses
what JSON does not have: NaN and Infinity are written as null and not read.
"""

import math
from collections.abc import Mapping, Set
from itertools import chain, count
from pathlib import PurePath
from typing import Any, NoReturn

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


MAX_DEPTH = 64
"""Most lists and maps within each other, in what is read."""


def _no_extension(code: int, data: memoryview) -> NoReturn:
    raise ValueError(f"extension type {code} is not known here")


_msgpack_encoder = msgspec.msgpack.Encoder()
_msgpack_decoder = msgspec.msgpack.Decoder(ext_hook=_no_extension)


def encode_msgpack(value: Any) -> bytes:
    """Write *value* as MessagePack: the values that JSON would have, but bytes are binary, and
    NaN and Infinity are themselves.

    Raises:
        TypeError, ValueError, RecursionError: JSON cannot hold it either.
        OverflowError: a number of more than 64 bits, which JSON could hold.
    """
    plain = msgspec.to_builtins(
        value, builtin_types=(bytes, bytearray), str_keys=True, enc_hook=_plain
    )
    return _msgpack_encoder.encode(plain)


def decode_msgpack(raw: bytes) -> Any:
    """Read MessagePack into what `decode_json` gives, bytes, and datetime for a timestamp.

    What JSON does not have is refused: NaN and Infinity, keys that are no text, extension types
    but the timestamp; more than `MAX_DEPTH` levels too.

    Raises:
        BadRequestException: it is no such MessagePack (400); the message says where it broke.
    """
    try:
        value = _msgpack_decoder.decode(raw)
        _check_like_json(value)
    except RecursionError as exc:
        raise BadRequestException(
            f"the body is not valid MessagePack: it is nested more than {MAX_DEPTH} deep"
        ) from exc
    except ValueError as exc:
        raise BadRequestException(f"the body is not valid MessagePack: {exc}") from exc
    return value


def _check_like_json(value: Any) -> None:
    """One level after the other: a step in Python for each level, not for each value."""
    level = [value]
    for depth in count(1):
        kinds = set(map(type, level))
        if float in kinds and not all(math.isfinite(v) for v in level if type(v) is float):
            raise ValueError("NaN and Infinity are no numbers")
        if kinds.isdisjoint((dict, list)):
            return
        if depth > MAX_DEPTH:
            raise RecursionError
        dicts = [item for item in level if type(item) is dict]
        if not set(map(type, chain.from_iterable(dicts))) <= {str}:
            raise ValueError("the key of a map must be a text")
        lists = (item for item in level if type(item) is list)
        level = [*chain.from_iterable(lists), *chain.from_iterable(d.values() for d in dicts)]


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
