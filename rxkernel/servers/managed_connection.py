"""The states of a connection that a server, or a test client, manages."""

import asyncio
from typing import Any

from rxkernel.exceptions import RxKernelError
from rxkernel.messages.connection import Connection
from rxkernel.messages.event_loops import check_event_loop
from rxkernel.messages.event_names import check_event
from rxkernel.messages.rooms import check_room


class ManagedConnection(Connection):
    """A connection that is requested, then accepted or rejected, and ends once.

    Attributes:
        is_accepted: whether CONNECTED has been dispatched, and nothing rejected the connection.
        is_rejected: whether `disconnect` was called before the connection was accepted.
        is_ended: whether it no longer sends and receives.
        loop: the event loop of the connection.
        accepting: the task that runs or ran the listeners of ACCEPTED; None without listeners.
    """

    def __init__(self, id: str, namespace: str = "/", **handshake: Any) -> None:
        super().__init__(id, namespace, **handshake)
        self.is_accepted = False
        self.is_rejected = False
        self.is_ended = False
        self.loop: asyncio.AbstractEventLoop | None = None
        self.accepting: asyncio.Task[None] | None = None

    @property
    def is_accepting(self) -> bool:
        """Whether listeners of ACCEPTED run now."""
        return self.accepting is not None and not self.accepting.done()

    def check_event_loop(self, method: str) -> None:
        """See the function `check_event_loop`."""
        check_event_loop(self.loop, f"Connection.{method}()")

    def check_emit(self, event: object) -> None:
        """Check the name of an event, and the event loop as in `check_event_loop`.

        Raises:
            TypeError: *event* is not a str.
        """
        check_event(event)
        self.check_event_loop("emit")

    def check_room(self, method: str, room: object) -> None:
        """Check the *room* that was passed to *method*, and the event loop.

        Raises:
            TypeError: *room* is not a str.
        """
        check_room(room)
        self.check_event_loop(method)

    def check_call(self, event: str) -> None:
        """Check that the client can acknowledge *event*.

        Raises:
            RxKernelError: the caller runs in another event loop, or the connection is not accepted
                yet: a listener of CONNECTED and the client would wait for each other.
            TimeoutError: the client has disconnected.
        """
        self.check_event_loop("call")
        if not self.is_accepted:
            raise RxKernelError(
                f"call({event!r}) is not possible before the connection is accepted; "
                f"use emit(), or call() in a listener of server.accepted"
            )
        if self.is_ended:
            raise TimeoutError("the client has disconnected")
