"""The JSON packets that open and close streams."""

from collections.abc import Mapping
from enum import Enum
from typing import Any

import attrs

from bundles.metacom.packets import Encode
from bundles.metacom.streams.chunks import StreamId
from bundles.metacom.streams.stream_exception import StreamException

_LONGEST_NAME = 1_000


class Status(Enum):
    """The way in which a stream is closed."""

    END = "end"
    TERMINATE = "terminate"


@attrs.frozen
class Opening:
    """The stream that the peer opens."""

    name: str
    size: int


def read_stream_packet(packet: Mapping[str, Any]) -> Opening | Status:
    """Read a packet of the type ``stream``.

    Raises:
        StreamException: *packet* is invalid.
    """
    status = packet.get("status")
    if status is not None:
        try:
            return Status(status)
        except ValueError:
            raise _invalid('status must be "end" or "terminate"') from None
    name, size = packet.get("name"), packet.get("size")
    if type(name) is not str or len(name) > _LONGEST_NAME:
        raise _invalid(f"name must be a text of at most {_LONGEST_NAME} characters")
    if type(size) is not int or size < 0:
        raise _invalid("size must be a whole number of bytes")
    return Opening(name, size)


def opening_packet(id: StreamId, name: str, size: int, encode: Encode) -> bytes:
    """Return the packet that opens a stream."""
    return b'{"type":"stream","id":%b,"name":%b,"size":%d}' % (encode(id), encode(name), size)


def status_packet(id: StreamId, status: Status, encode: Encode) -> bytes:
    """Return the packet that closes a stream."""
    return b'{"type":"stream","id":%b,"status":%b}' % (encode(id), encode(status.value))


def _invalid(rule: str) -> StreamException:
    return StreamException(f"Stream packet structure error: {rule}")
