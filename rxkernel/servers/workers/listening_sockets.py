"""The ports of a worker, which its supervisor has opened."""

import socket
from collections.abc import Sequence

import attrs

from rxkernel.servers.workers.passed_sockets import PassedSockets

BACKLOG = 1024
"""Connections that the system queues until they are accepted, also while no worker listens."""


@attrs.frozen(eq=False)
class ListeningSockets:
    """Sockets that listen. The supervisor has them too, so connections wait in the system while
    one process follows another.

    Attributes:
        all: one for each address of the host.
        worker: None: ids of sessions have no number of a worker, as the port leads to it.
    """

    all: Sequence[socket.socket]
    worker: None = None


Sockets = PassedSockets | ListeningSockets
"""Where a worker gets its connections from."""
