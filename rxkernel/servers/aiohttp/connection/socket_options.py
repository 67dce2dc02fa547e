"""Socket options that asyncio does not offer."""

import asyncio
import math
import os
import socket
from contextlib import suppress
from struct import pack

_USER_TIMEOUT: int | None = getattr(socket, "TCP_USER_TIMEOUT", None)

_MAX_TIMEOUT = 2**31 - 1
"""The largest number of milliseconds that TCP_USER_TIMEOUT accepts."""

_DROP_UNSENT = pack("ii", 1, 0)
"""SO_LINGER, on with a timeout of zero: closing drops unsent data."""


def limit_unsent(transport: asyncio.Transport, seconds: float) -> None:
    """Make the system drop a closed connection whose client receives nothing for *seconds*.

    Only on Linux (TCP_USER_TIMEOUT). It must not be set on an open connection: there it would also
    drop a client that receives data slowly but steadily (``tcp_probe_timer``).
    """
    connection = transport.get_extra_info("socket")
    if _USER_TIMEOUT is not None and connection is not None and connection.fileno() >= 0:
        milliseconds = min(math.ceil(seconds * 1000), _MAX_TIMEOUT)
        with suppress(OSError):  # the connection is already closed
            connection.setsockopt(socket.IPPROTO_TCP, _USER_TIMEOUT, milliseconds)


def unlimit_unsent(descriptor: int) -> None:
    """Undo `limit_unsent` for a connection that is still used by its other *descriptor*."""
    if _USER_TIMEOUT is not None:
        with suppress(OSError), socket.socket(fileno=os.dup(descriptor)) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, _USER_TIMEOUT, 0)


def reset(transport: asyncio.Transport) -> None:
    """Reset the connection in the system, which drops unsent data.

    The transport stays open. The next call of asyncio, or of a running sendfile, fails.
    """
    number = transport.get_extra_info("socket").fileno()
    with (
        suppress(OSError),  # the connection is closed already
        socket.fromfd(number, socket.AF_INET, socket.SOCK_STREAM) as connection,
    ):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _DROP_UNSENT)
        connection.shutdown(socket.SHUT_RDWR)
