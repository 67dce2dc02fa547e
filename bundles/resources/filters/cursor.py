"""The text of a cursor: where a page has ended.

It holds the order, and the values of the last row for it. It is not a secret and not signed: a
client that makes one of its own begins at another place of the same list.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import msgspec

from bundles.resources.filters.sorting import Order

_Content = list[bool | int | float | str | None]
"""Nothing nested: the decoder would raise RecursionError."""

_DIGEST = 6
"""Bytes of a checksum, which shows that a cursor was cut or changed by mistake."""


def cursor_of(orders: Sequence[Order], values: Sequence[Any]) -> str:
    """The cursor for the row with *values* for *orders*."""
    wire = [order.key.type.to_wire(value) for order, value in zip(orders, values, strict=True)]
    return sealed(msgspec.json.encode([_text_of(orders), *wire]))


def sealed(content: bytes) -> str:
    """The cursor with *content*: JSON of a list, the order and the values."""
    return urlsafe_b64encode(_digest(content) + content).rstrip(b"=").decode()


def values_of(cursor: str, orders: Sequence[Order]) -> list[Any]:
    """The values for *orders* in *cursor*.

    Raises:
        ValueError: it is not a cursor, or one of another order.
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
