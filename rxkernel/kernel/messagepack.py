"""MessagePack, for the same values as JSON, and bytes; through msgspec."""

import math
from itertools import chain, count
from typing import Any, NoReturn

import msgspec

from rxkernel.exceptions import BadRequestException
from rxkernel.kernel.serialization import MAX_DEPTH, to_plain


def _no_extension(code: int, data: memoryview) -> NoReturn:
    raise ValueError(f"extension type {code} is not known here")


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(ext_hook=_no_extension)


def encode_msgpack(value: Any) -> bytes:
    """Write *value* as MessagePack: the values that JSON would have, but bytes are binary, and
    NaN and Infinity are themselves.

    Raises:
        TypeError, ValueError, RecursionError: JSON cannot hold it either.
        OverflowError: a number of more than 64 bits, which JSON could hold.
    """
    return _encoder.encode(to_plain(value))


def decode_msgpack(raw: bytes) -> Any:
    """Read MessagePack into what `decode_json` gives, bytes, and datetime for a timestamp.

    What JSON does not have is refused: NaN and Infinity, keys that are no text, extension types
    but the timestamp; more than `MAX_DEPTH` levels too.

    Raises:
        BadRequestException: it is no such MessagePack (400); the message says where it broke.
    """
    try:
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
