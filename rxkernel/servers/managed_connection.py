"""The states of a connection that a server, or a test client, manages."""

from typing import Any

from rxkernel.exceptions import RxKernelError
from rxkernel.messages.connection import Connection


class ManagedConnection(Connection):
    """A connection that is requested, then accepted or rejected, and ends once.

    Attributes:
        is_accepted: CONNECTED has been dispatched, and nothing rejected the connection.
        is_rejected: `disconnect` was called before the connection was accepted.
        is_ended: it sends and receives nothing any more.
    """

    def __init__(self, id: str, namespace: str = "/", **handshake: Any) -> None:
        super().__init__(id, namespace, **handshake)
        self.is_accepted = False
        self.is_rejected = False
        self.is_ended = False

    def check_call(self, event: str) -> None:
        """Check that the client can acknowledge *event*.

        Raises:
            RxKernelError: the connection is not accepted yet. A listener of CONNECTED would wait
                for a client that waits for the listener.
            TimeoutError: the client has disconnected.
        """
        if not self.is_accepted:
            raise RxKernelError(
                f"call({event!r}) is not possible before the connection is accepted; "
                f"use emit(), or call() in the first event"
            )
        if self.is_ended:
            raise TimeoutError("the client has disconnected")
