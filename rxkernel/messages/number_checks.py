"""Rejects numbers that msgspec accepts, but that a client should not send."""

import math
import re
from collections.abc import Callable, Collection
from datetime import datetime
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Any

from rxkernel.messages.input_errors import (
    NOT_FINITE,
    OUT_OF_RANGE,
    ErrorEntry,
    kind_of,
    wrong_format,
    wrong_type,
)

Check = Callable[[Any], ErrorEntry | None]

_MIN_EXPONENT, _MAX_EXPONENT, _MAX_DIGITS = -6176, 6144, 7000
"""The range of decimal128 (IEEE 754)."""

_DECIMAL = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?", re.ASCII | re.IGNORECASE)

_EXACT = 2**53
"""From this number on, a float represents several integers."""


def check_int(raw: Any) -> ErrorEntry | None:
    """Reject the texts ``1e3`` and ``1.0``, which are read as floats: ``9007199254740993.0`` would
    become another number. A float, from a socket, must be below 2**53."""
    if isinstance(raw, str):
        if raw.isdigit() or raw.lstrip("-").isdigit() or not _is_number(raw):
            return None
        return wrong_type("int")
    return OUT_OF_RANGE if isinstance(raw, float) and abs(raw) >= _EXACT else None


def _is_number(text: str) -> bool:
    """Whether *text* is a number; otherwise it may be for another alternative of a union."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def check_float(raw: Any) -> ErrorEntry | None:
    """Reject ``nan`` and ``inf``, which JSON does not have, but a text can contain."""
    try:
        is_finite = not isinstance(raw, str | float) or math.isfinite(float(raw))
    except ValueError:  # a text for another alternative of a union
        return None
    return None if is_finite else NOT_FINITE


def check_decimal(raw: Any) -> ErrorEntry | None:
    """Reject decimals outside of decimal128: a sum with ``1e-999999999`` would use all memory.

    Also reject texts with spaces, underscores, or digits that are not ASCII.
    """
    if not isinstance(raw, str | float | Decimal):
        return None
    if isinstance(raw, str) and len(raw) > _MAX_DIGITS:
        return NOT_FINITE
    try:
        value = Decimal(raw)
    except InvalidOperation:  # a text for another alternative of a union
        return None
    exponent = value.as_tuple().exponent
    is_small = (
        isinstance(exponent, int)
        and exponent >= _MIN_EXPONENT
        and _MIN_EXPONENT <= value.adjusted() <= _MAX_EXPONENT
    )
    if not is_small:
        return NOT_FINITE
    is_written_well = not isinstance(raw, str) or _DECIMAL.fullmatch(raw) is not None
    return None if is_written_well else wrong_format("decimal")


def check_datetime(raw: Any) -> ErrorEntry | None:
    """Reject numbers, which msgspec reads as seconds since 1970: "2026" would be in 1970."""
    try:
        float(raw)
    except (TypeError, ValueError, OverflowError):
        return None
    if isinstance(raw, str):
        return wrong_format("datetime", "RFC 3339")
    return wrong_type("datetime", kind_of(raw))


def strict_check_of(types: Collection[Any]) -> Check | None:
    """Return the check for values of JSON; *types* are the alternatives of a type except None."""
    return check_decimal if Decimal in types else None


def lenient_check_of(types: Collection[Any]) -> Check | None:
    """As `strict_check_of`, for values that are texts, or JSON of a socket."""
    if str in types:  # any text is valid as a str
        return None
    if datetime in types and len(types) == 1:
        return check_datetime
    return next((check for kind, check in _NUMBERS.items() if kind in types), None)


_NUMBERS: MappingProxyType[type, Check] = MappingProxyType(
    {Decimal: check_decimal, float: check_float, int: check_int}
)
