"""JSON and plain values, through msgspec (RFC 8259, UTF-8 only).

msgspec supports attrs classes, dataclasses, enums, dates, UUIDs and decimals. JSON has no NaN and
no Infinity: they are written as null, and rejected when read.
"""

import functools
import gc
import math
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping, Set
from decimal import Decimal
from itertools import chain
from pathlib import PurePath
from types import NoneType
from typing import Any

import msgspec

from rxkernel.exceptions import BadRequestException
from rxkernel.kernel.plain_types import to_plain_type, with_plain_types
from rxkernel.messages.content_hints import content_hint, is_foreign_response
from rxkernel.routing.scalars import NO_SCALARS, Scalars, wire_class

_JSON_SCALARS = frozenset({str, int, float, bool, NoneType})


class Serializer:
    """Encodes values as JSON, and as the plain values of other formats.

    *scalars* are the custom scalars of an application; they may be added later.

    Attributes:
        encode_json: encodes a value as JSON bytes. It raises TypeError, ValueError or
            RecursionError for a value that JSON cannot represent. It is a bound method of msgspec,
            since a function would add a call to each response.
    """

    def __init__(self, scalars: Scalars) -> None:
        self.scalars = scalars
        self.encode_json: Callable[[Any], bytes] = msgspec.json.Encoder(
            enc_hook=self._encode_unknown
        ).encode
        self._to_builtins_with_any_keys = functools.partial(
            msgspec.to_builtins,
            builtin_types=(bytes, bytearray, memoryview),
            enc_hook=self._encode_unknown,
        )
        self._to_builtins = functools.partial(self._to_builtins_with_any_keys, str_keys=True)

    def to_plain(self, value: Any) -> Any:
        """Convert *value* to dict, list, str, numbers, bool, None and bytes, for a socket packet.

        Keys become text as in JSON; keys that are bytes become base64.

        Raises:
            TypeError, ValueError, RecursionError: *value* cannot be converted.
        """
        try:
            return _with_lists(self._to_builtins(value))
        except TypeError:  # maybe a key is bytes, or of a subclass of str
            plain = with_plain_types(value, self._to_plain_type)
            plain = _with_text_for_bytes(self._to_builtins_with_any_keys(plain))
            return _with_lists(self._to_builtins(plain))

    def to_json_value(self, value: Any) -> Any:
        """Convert *value* as `encode_json` does, but to Python values: JSON is not written.

        Raises:
            TypeError, ValueError, RecursionError: *value* cannot be converted.
        """
        if type(value) in _JSON_SCALARS:
            return value
        return msgspec.to_builtins(value, str_keys=True, enc_hook=self._encode_unknown)

    def _to_plain_type(self, value: Any) -> Any:
        return to_plain_type(self.encode_scalar(value))

    def encode_scalar(self, value: Any) -> Any:
        """Return what is sent for *value*, if its class has a scalar; any other value unchanged.

        Raises:
            TypeError: ``encode`` of the scalar returned another type than its wire type.
        """
        scalar = self.scalars.nearest(type(value)) if self.scalars else None
        if scalar is None:
            return value
        sent, wire = scalar.encode(value), wire_class(scalar)
        if not isinstance(sent, wire) and not (wire is float and isinstance(sent, int)):
            raise TypeError(
                f"encode of the scalar {scalar.type.__qualname__} returned a "
                f"{type(sent).__qualname__}; return a {wire.__name__}, its wire type"
            )
        return to_plain_type(sent)

    def _encode_unknown(self, value: Any) -> Any:
        """Convert types that msgspec does not support."""
        if (sent := self.encode_scalar(value)) is not value:
            return sent
        if (plain := to_plain_type(value)) is not value:
            return plain
        cls = type(value)
        if isinstance(value, Mapping) and not is_foreign_response(cls):
            return dict(value)
        if isinstance(value, Set | type({}.keys()) | type({}.values())):
            return list(value)
        if isinstance(value, PurePath):
            return str(value)
        hint = content_hint(cls)
        instead = "" if hint is None else f"; {hint}"
        raise TypeError(f"{cls.__module__}.{cls.__qualname__} cannot be encoded as JSON{instead}")


def _decimal(text: str) -> Decimal:
    """Read a number within the range of float: a larger one could exhaust memory when used."""
    try:
        if math.isfinite(float(text)):
            return Decimal(text)
    except ArithmeticError:
        pass
    raise ValueError("Number out of range")


_decode = msgspec.json.Decoder().decode
_decode_exactly = msgspec.json.Decoder(float_hook=_decimal).decode

MAX_DEPTH = 64
"""The deepest nesting of lists and objects that is read."""


SERIALIZER = Serializer(NO_SCALARS)
"""The serializer of applications without custom scalars."""

encode_json = SERIALIZER.encode_json
"""Encode a value as JSON, without the custom scalars of an application.

It raises TypeError, ValueError or RecursionError for a value that is not JSON.
"""

to_plain = SERIALIZER.to_plain


def decode_json(raw: bytes | str, *, exact: bool = False) -> Any:
    """Decode JSON into dict, list, str, int, float, bool and None; the last of equal keys wins.

    With *exact*, a number with a fraction or an exponent becomes a `Decimal`.

    Raises:
        BadRequestException: *raw* is not valid JSON, or nested deeper than `MAX_DEPTH` (400); the
            message has the position.
    """
    try:
        return read_json(raw, exact=exact)
    except ValueError as exc:
        raise BadRequestException(f"the body is not valid JSON: {exc}") from exc


def read_json(raw: bytes | str, *, exact: bool = False) -> Any:
    """Like `decode_json`, for JSON that is not a body.

    Both also reject a number with a fraction or an exponent that is too large for a float, an
    integer of more digits than `sys.get_int_max_str_digits` (4300), a byte order mark (RFC 8259
    §8.1) and half a surrogate pair (§8.2).

    Raises:
        ValueError: *raw* is not valid JSON, or nested deeper than `MAX_DEPTH`.
    """
    try:
        value = _decode_exactly(raw) if exact else _decode(raw)
    except RecursionError as exc:
        raise ValueError(f"it is nested more than {MAX_DEPTH} deep") from exc
    if len(raw) > 2 * MAX_DEPTH and _brackets(raw) > MAX_DEPTH:
        _check_depth(value)
    return value


def _brackets(raw: bytes | str) -> int:
    """Return an upper bound of the depth, nearly always small enough to skip `_check_depth`."""
    if isinstance(raw, str):
        return raw.count("[") + raw.count("{")
    # bytes.count compares byte by byte; replace takes a quarter of its time
    return 2 * len(raw) - len(raw.replace(b"[", b"")) - len(raw.replace(b"{", b""))


def _check_depth(value: Any) -> None:
    """Check level by level, and skip dicts that contain no list or dict.

    The garbage collector does not track such dicts, so the leaves of a large body are fast.
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


def _with_text_for_bytes(value: Any) -> Any:
    """Replace keys that are bytes by base64, as msgspec does in JSON but not elsewhere."""
    if isinstance(value, list | tuple | set | frozenset):
        return [_with_text_for_bytes(item) for item in value]
    if isinstance(value, dict):
        return {
            b64encode(key).decode() if isinstance(key, bytes) else key: _with_text_for_bytes(item)
            for key, item in value.items()
        }
    return value


def _with_lists(value: Any) -> Any:
    """Replace tuples, which `msgspec.to_builtins` keeps, by lists, and buffers by bytes."""
    if isinstance(value, bytearray | memoryview):
        return bytes(value)
    if isinstance(value, list | tuple):
        return [_with_lists(item) for item in value]
    if isinstance(value, dict):
        return {key: _with_lists(item) for key, item in value.items()}
    return value
