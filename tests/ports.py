"""Ports for servers that stop and start again on the same port."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def reserved_port() -> Iterator[int]:
    """Reserve a free port of 127.0.0.1, so that no other process gets it.

    A socket is bound to it and does not listen. SO_REUSEADDR lets a server bind the same port;
    the system does not choose it for a socket that is bound to port 0 (socket(7)).
    """
    with socket.socket() as reservation:
        reservation.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        reservation.bind(("127.0.0.1", 0))
        yield reservation.getsockname()[1]
