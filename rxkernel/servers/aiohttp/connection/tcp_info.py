"""Reads from the system how many sent bytes a client has acknowledged.

The write buffer of the transport is not enough: it does not change while the system sends its own
queue, and sendfile bypasses it.
"""

import asyncio
import socket
from struct import Struct
from typing import NamedTuple

_TCP_INFO: int | None = getattr(socket, "TCP_INFO", None)

_FIELDS = Struct("=B23xI92xQ16xI")
"""Fields of Linux's ``struct tcp_info`` (linux/tcp.h): state, unacked, bytes_acked and
notsent_bytes."""

_CLOSED = (7, 8)
"""The states TCP_CLOSE and TCP_CLOSE_WAIT (net/tcp_states.h): reset, or closed by the client."""


class SendProgress(NamedTuple):
    """How much a client has received.

    Attributes:
        acknowledged: a number that changes whenever the client's system receives data.
        is_pending: whether the client's system has not received all sent data.
        has_closed: whether the client has closed its side of the connection.
    """

    acknowledged: int
    is_pending: bool
    has_closed: bool


def read(transport: asyncio.Transport) -> SendProgress:
    """Read the progress from the system; where that is not Linux, from the write buffer."""
    buffered = transport.get_write_buffer_size()
    connection = transport.get_extra_info("socket")
    if _TCP_INFO is not None and connection is not None:
        info = connection.getsockopt(socket.IPPROTO_TCP, _TCP_INFO, _FIELDS.size)
        if len(info) == _FIELDS.size:
            state, unacknowledged, acknowledged, unsent = _FIELDS.unpack(info)
            is_pending = bool(buffered or unsent or unacknowledged)
            return SendProgress(acknowledged, is_pending, state in _CLOSED)
    return SendProgress(-buffered, buffered > 0, False)
