"""The ports of a worker that its supervisor has opened."""

import socket
from collections.abc import Sequence

import attrs

from rxkernel.servers.workers.passed_sockets import PassedSockets

BACKLOG = 1024
"""Connections that the system queues until they are accepted, even while no worker listens."""


@attrs.frozen(eq=False)
class ListeningSockets:
    """Listening sockets. The supervisor also holds them, so that connections wait in the system
    while a new process replaces the old one.

    Attributes:
        all: one for each address of the host.
        worker: always None: session ids do not contain the number of the worker, because the port
            identifies it.
    """

    all: Sequence[socket.socket]
    worker: None = None


Sockets = PassedSockets | ListeningSockets
"""The source of a worker's connections."""
