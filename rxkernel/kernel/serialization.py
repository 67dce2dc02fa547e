"""JSON and plain values, through msgspec (RFC 8259, UTF-8 only).

msgspec knows attrs classes, dataclasses, enums, dates, UUIDs and decimals, and refuses
what JSON does not have: NaN and Infinity are written as null and not read.
"""

import gc
import math
from collections.abc import Callable, Iterable, Mapping, Set
from decimal import Decimal
from itertools import chain
from pathlib import PurePath
from typing import Any

import msgspec

from rxkernel.exceptions import BadRequestException


def _encode_hook(value: Any) -> Any:
    """What msgspec does not know by itself."""
    if isinstance(value, str):
        return str.__str__(value)  # a subclass, such as `Transport`
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Set | type({}.keys()) | type({}.values())):
        return list(value)
    if isinstance(value, PurePath):
        return str(value)
    raise TypeError(f"{type(value).__qualname__} cannot be written as JSON")


def _decimal(text: str) -> Decimal:
    """Finite, and in a float too: what counts with it is not to run out of memory."""
    try:
        if math.isfinite(float(text)):
            return Decimal(text)
    except ArithmeticError:
        pass
    raise ValueError("Number out of range")


_encoder = msgspec.json.Encoder(enc_hook=_encode_hook)
_decode = msgspec.json.Decoder().decode
_decode_exactly = msgspec.json.Decoder(float_hook=_decimal).decode

MAX_DEPTH = 64
"""Most lists and objects within each other that are read."""


encode_json: Callable[[Any], bytes] = _encoder.encode
"""Write a value as JSON; raises TypeError, ValueError or RecursionError where JSON cannot hold it.

The method itself: a function around it would cost each response another call.
"""


def decode_json(raw: bytes | str, *, exact: bool = False) -> Any:
    """Read JSON into dict, list, str, int, float, bool and None; of a key twice, the last counts.

    *exact* reads a number with a fraction or an exponent as the `Decimal` that was written.

    Raises:
        BadRequestException: it is no JSON, or deeper than `MAX_DEPTH` (400); the message says
            where it broke.
    """
    try:
        return read_json(raw, exact=exact)
    except ValueError as exc:
        raise BadRequestException(f"the body is not valid JSON: {exc}") from exc


def read_json(raw: bytes | str, *, exact: bool = False) -> Any:
    """As `decode_json`, for what is no body.

    Refused are also a fraction or exponent that no float holds, an integer of more digits than
    `sys.get_int_max_str_digits` (4300), a byte order mark (RFC 8259 §8.1) and half a surrogate
    pair (§8.2).

    Raises:
        ValueError: it is no JSON, or deeper than `MAX_DEPTH`.
    """
    try:
        value = _decode_exactly(raw) if exact else _decode(raw)
    except RecursionError as exc:
        raise ValueError(f"it is nested more than {MAX_DEPTH} deep") from exc
    if len(raw) > 2 * MAX_DEPTH and _brackets(raw) > MAX_DEPTH:
        _check_depth(value)
    return value


def _brackets(raw: bytes | str) -> int:
    """How many lists and objects there are at most: nearly always too few to look closer."""
    if isinstance(raw, str):
        return raw.count("[") + raw.count("{")
    # as count, which goes byte by byte; this is told in a fourth of the time
    return 2 * len(raw) - len(raw.replace(b"[", b"")) - len(raw.replace(b"{", b""))


def _check_depth(value: Any) -> None:
    """Level by level, but not into what holds no list or object: the garbage collector does not
    track such a dict, so the many leaves of a large body cost next to nothing.
    """
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH - 1):
        level = list(filter(gc.is_tracked, chain.from_iterable(map(_items, level))))
        if not level:
            return
    if any(isinstance(item, dict | list) for item in chain.from_iterable(map(_items, level))):
        raise ValueError(f"it is nested more than {MAX_DEPTH} deep")


def _items(value: Any) -> Iterable[Any]:
    return value.values() if type(value) is dict else value


def to_plain(value: Any) -> Any:
    """Turn *value* into dict, list, str, numbers, bool, None and bytes, for a socket packet.

    Raises:
        TypeError, ValueError, RecursionError: it cannot be.
    """
    return _with_lists(
        msgspec.to_builtins(
            value, builtin_types=(bytes, bytearray), str_keys=True, enc_hook=_encode_hook
        )
    )


def _with_lists(value: Any) -> Any:
    """msgspec leaves tuples; who receives it has lists."""
    if isinstance(value, list | tuple):
        return [_with_lists(item) for item in value]
    if isinstance(value, dict):
        return {key: _with_lists(item) for key, item in value.items()}
    return value
