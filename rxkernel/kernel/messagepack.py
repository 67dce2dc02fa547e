"""MessagePack, for the same values as JSON, and bytes; through msgspec."""

import math
from itertools import chain, count
from typing import Any, NoReturn

import msgspec

from rxkernel.exceptions import BadRequestException
from rxkernel.kernel.messagepack_keys import has_other_keys
from rxkernel.kernel.serialization import MAX_DEPTH, SERIALIZER, Serializer


def _no_extension(code: int, data: memoryview) -> NoReturn:
    raise ValueError(f"extension type {code} is not supported")


_WRONG_KEY = "the key of a map must be a string"

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(ext_hook=_no_extension)


def encode_msgpack(value: Any, serializer: Serializer = SERIALIZER) -> bytes:
    """Encode *value* as MessagePack: as in JSON, but bytes are binary, and NaN and Infinity are
    kept.

    Raises:
        TypeError, ValueError, RecursionError: JSON cannot represent *value* either.
        OverflowError: a number has more than 64 bits, which JSON could represent.
    """
    return _encoder.encode(serializer.to_plain(value))


def decode_msgpack(raw: bytes) -> Any:
    """Decode MessagePack into the types of `decode_json`, bytes, and datetime for a timestamp.

    Values that JSON does not have are rejected: NaN and Infinity, keys that are not a str,
    extension types other than the timestamp. So are more than `MAX_DEPTH` levels.

    Raises:
        BadRequestException: *raw* is not valid MessagePack (400); the message has the position.
    """
    try:
        if has_other_keys(raw):
            raise ValueError(_WRONG_KEY)
        value = _decoder.decode(raw)
        _check_like_json(value)
    except RecursionError as exc:
        raise BadRequestException(
            f"the body is not valid MessagePack: it is nested more than {MAX_DEPTH} deep"
        ) from exc
    except ValueError as exc:
        raise BadRequestException(f"the body is not valid MessagePack: {exc}") from exc
    return value


def _check_like_json(value: Any) -> None:
    """Check level by level: Python code runs once per level, not once per value."""
    level = [value]
    for depth in count(1):
        kinds = set(map(type, level))
        if float in kinds and not all(math.isfinite(v) for v in level if type(v) is float):
            raise ValueError("NaN and Infinity are not allowed")
        if kinds.isdisjoint((dict, list)):
            return
        if depth > MAX_DEPTH:
            raise RecursionError
        dicts = [item for item in level if type(item) is dict]
        if not set(map(type, chain.from_iterable(dicts))) <= {str}:
            raise ValueError(_WRONG_KEY)
        lists = (item for item in level if type(item) is list)
        level = [*chain.from_iterable(lists), *chain.from_iterable(d.values() for d in dicts)]
