"""How much of what was sent a client has acknowledged, as the system counts it.

The transport cannot tell: its buffer does not change while the system's own queue empties, and
sendfile bypasses it.
"""

import asyncio
import socket
from struct import Struct
from typing import NamedTuple

_TCP_INFO: int | None = getattr(socket, "TCP_INFO", None)

_FIELDS = Struct("=B23xI92xQ16xI")
"""Of Linux's ``struct tcp_info`` (linux/tcp.h): state, unacked, bytes_acked, notsent_bytes."""

_CLOSED = (7, 8)
"""TCP_CLOSE and TCP_CLOSE_WAIT (net/tcp_states.h): reset, or closed by the client."""


class SendProgress(NamedTuple):
    """What a client has received.

    Attributes:
        acknowledged: a number that changes with each byte that the client's system receives.
        is_pending: whether there are bytes that the client's system has not received.
        has_closed: whether the client has closed its side of the connection.
    """

    acknowledged: int
    is_pending: bool
    has_closed: bool


def read(transport: asyncio.Transport) -> SendProgress:
    """Ask the system; where it is not Linux, use the buffer of *transport*."""
    buffered = transport.get_write_buffer_size()
    connection = transport.get_extra_info("socket")
    if _TCP_INFO is not None and connection is not None:
        info = connection.getsockopt(socket.IPPROTO_TCP, _TCP_INFO, _FIELDS.size)
        if len(info) == _FIELDS.size:
            state, unacknowledged, acknowledged, unsent = _FIELDS.unpack(info)
            is_pending = bool(buffered or unsent or unacknowledged)
            return SendProgress(acknowledged, is_pending, state in _CLOSED)
    return SendProgress(-buffered, buffered > 0, False)
