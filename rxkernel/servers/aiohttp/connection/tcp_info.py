"""What is on its way to a client, as the system counts it.

The transport cannot say: its buffer stands still while the system's own queue empties, and what
sendfile copies never passes it.
"""

import asyncio
import socket
from struct import Struct
from typing import NamedTuple

_TCP_INFO: int | None = getattr(socket, "TCP_INFO", None)

_FIELDS = Struct("=B23xI92xQ16xI")
"""Of Linux's ``struct tcp_info`` (linux/tcp.h): state, unacked, bytes_acked, notsent_bytes."""

_LEFT = (7, 8)
"""TCP_CLOSE and TCP_CLOSE_WAIT (net/tcp_states.h): reset, or ended by the client."""


class SendProgress(NamedTuple):
    """``taken`` changes with each byte that the client's system has taken; ``is_waiting`` says
    whether there are more to take, ``has_left`` that the client has ended its side."""

    taken: int
    is_waiting: bool
    has_left: bool


def underway(transport: asyncio.Transport) -> SendProgress:
    """What the system knows; where it is not Linux, what *transport* does."""
    held = transport.get_write_buffer_size()
    connection = transport.get_extra_info("socket")
    if _TCP_INFO is not None and connection is not None:
        info = connection.getsockopt(socket.IPPROTO_TCP, _TCP_INFO, _FIELDS.size)
        if len(info) == _FIELDS.size:
            state, unacknowledged, taken, unsent = _FIELDS.unpack(info)
            return SendProgress(taken, bool(held or unsent or unacknowledged), state in _LEFT)
    return SendProgress(-held, held > 0, False)
