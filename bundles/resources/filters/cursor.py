"""The text of a cursor: the position at which a page has ended.

It contains the order, and the values of the last row in it. It is neither secret nor signed: with
a forged cursor, a client only begins at another position of the same list.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import msgspec

from bundles.resources.filters.sorting import Order

_Content = list[bool | int | float | str | None]
"""The content of a cursor. It is not nested, so the decoder cannot raise a `RecursionError`."""

_DIGEST = 6
"""Bytes of the checksum, which detects that a cursor was cut or changed by mistake."""


def cursor_of(orders: Sequence[Order], values: Sequence[Any]) -> str:
    """Return the cursor for the row whose values for *orders* are *values*."""
    wire = [order.key.type.to_wire(value) for order, value in zip(orders, values, strict=True)]
    return sealed(msgspec.json.encode([_text_of(orders), *wire]))


def sealed(content: bytes) -> str:
    """Return the cursor with *content*: a JSON list of the order and the values."""
    return urlsafe_b64encode(_digest(content) + content).rstrip(b"=").decode()


def values_of(cursor: str, orders: Sequence[Order]) -> list[Any]:
    """Return the values for *orders* in *cursor*.

    Raises:
        ValueError: it is not a cursor, or has another order.
    """
    raw = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
    content = raw[_DIGEST:]
    if raw[:_DIGEST] != _digest(content) or not cursor.isascii():
        raise ValueError("is not a cursor")
    found = msgspec.json.decode(content, type=_Content)
    if found[:1] != [_text_of(orders)]:
        raise ValueError("is a cursor of another order")
    return [_value(order, raw) for order, raw in zip(orders, found[1:], strict=True)]


def _value(order: Order, raw: Any) -> Any:
    key = order.key
    if raw is None and key.target.may_be_missing:
        return None
    return key.type.read_stored(raw)


def _text_of(orders: Sequence[Order]) -> str:
    return ",".join(order.text for order in orders)


def _digest(content: bytes) -> bytes:
    return blake2b(content, digest_size=_DIGEST).digest()
