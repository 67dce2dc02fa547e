"""Socket options that asyncio does not offer."""

import asyncio
import math
import socket
from contextlib import suppress
from struct import pack

_USER_TIMEOUT: int | None = getattr(socket, "TCP_USER_TIMEOUT", None)

_LONGEST = 2**31 - 1
"""Milliseconds that the option can hold."""

_DROP = pack("ii", 1, 0)
"""SO_LINGER: on, for no time."""


def limit_unsent(transport: asyncio.Transport, seconds: float) -> None:
    """Let the system drop a closed connection whose client receives nothing for *seconds*.

    Linux only (TCP_USER_TIMEOUT). It must not be set on an open connection: there it measures
    how long the client has not received everything, not how long it has received nothing
    (``tcp_probe_timer``).
    """
    connection = transport.get_extra_info("socket")
    if _USER_TIMEOUT is not None and connection is not None and connection.fileno() >= 0:
        milliseconds = min(math.ceil(seconds * 1000), _LONGEST)
        with suppress(OSError):  # the connection is gone already
            connection.setsockopt(socket.IPPROTO_TCP, _USER_TIMEOUT, milliseconds)


def reset(transport: asyncio.Transport) -> None:
    """Shut the connection down in the system, which drops what it has not sent.

    The transport stays open. asyncio and a running sendfile learn of it by the error of their
    next call.
    """
    number = transport.get_extra_info("socket").fileno()
    with (
        suppress(OSError),  # the connection is gone already
        socket.fromfd(number, socket.AF_INET, socket.SOCK_STREAM) as connection,
    ):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _DROP)
        connection.shutdown(socket.SHUT_RDWR)
