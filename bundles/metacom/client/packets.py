"""The packets that a client sends, in dialect A."""

from collections.abc import Iterator
from itertools import count
from typing import Any

import msgspec

from bundles.metacom.packets import Encode

Args = dict[str, Any] | list[Any]

ENCODE: Encode = msgspec.json.Encoder().encode


def new_ids() -> Iterator[int]:
    """Return the ids of calls and streams. They share one sequence, since the error of a stream is
    a callback with the id of the stream. Chunks have 4 bytes for an id."""
    return (number % 0x7FFFFFFF + 1 for number in count())


def call_packet(id: int, method: str, args: Args) -> str:
    """Return the packet of a call.

    Raises:
        TypeError, ValueError, RecursionError: *args* cannot be encoded as JSON.
    """
    return (
        b'{"type":"call","id":%d,"method":%b,"args":%b}' % (id, ENCODE(method), ENCODE(args))
    ).decode()
