"""A Socket.IO client of a test, which records the events that it receives."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Protocol, Self
from uuid import uuid4

from rxkernel.exceptions import RxKernelError
from rxkernel.kernel.contexts import run
from rxkernel.kernel.scopes import close_connection
from rxkernel.kernel.serialization import Serializer
from rxkernel.messages.response import Response
from rxkernel.messages.rooms import check_room
from rxkernel.servers.disconnect_reason import DisconnectReason
from rxkernel.servers.managed_connection import ManagedConnection
from rxkernel.servers.socketio.encoding import encode_event

__tracebackhide__ = True  # pytest shows the line of the test instead

Emitted = tuple[str, tuple[Any, ...]]
"""The name of an event, and its arguments."""


class ConnectionRefusedException(RxKernelError):  # noqa: N818 - it has a status
    """The application rejected a connection of a test; ``__cause__`` is the exception raised.

    Attributes:
        response: the status, the headers, and the error body as content.
    """

    def __init__(self, response: Response) -> None:
        content = response.content
        message = content.get("message") if isinstance(content, dict) else content
        super().__init__(f"{response.status_code}: {message}")
        self.response = response


class Connector(Protocol):
    """The part of `ClientConnections` that a connection uses."""

    @property
    def serializer(self) -> Serializer:
        """The serializer of the booted application."""

    async def connect(self, connection: "RecordingConnection") -> None:
        """Dispatch CONNECTED, accept *connection* and start the dispatch of ACCEPTED, or raise."""

    def disconnect(
        self, connection: "RecordingConnection", reason: DisconnectReason
    ) -> asyncio.Task[None]:
        """Dispatch DISCONNECTED and close the services of *connection*, in a task."""

    def is_id(self, namespace: str, room: str) -> bool:
        """Whether *room* is the id of a connection to *namespace*."""


class RecordingConnection(ManagedConnection):
    """A client of a test, from CONNECTED to DISCONNECTED.

    ``async with`` connects and disconnects it, as `connect` and `close` do.

    Attributes:
        acknowledgements: by event, the values that `call` returns.
    """

    def __init__(self, connector: Connector, namespace: str, **handshake: Any) -> None:
        super().__init__(uuid4().hex, namespace, **handshake)
        self.acknowledgements: dict[str, Any] = {}
        self._is_started = False
        self._is_disconnected = False
        self._connector = connector
        self._rooms: set[str] = set()
        self._emitted: list[Emitted] = []
        self._early: list[Emitted] = []
        self._events = 0
        self._connecting = asyncio.Lock()

    # --- for the test

    @property
    def is_connected(self) -> bool:
        return self.is_accepted and not self.is_ended

    @property
    def emitted(self) -> list[Emitted]:
        """``(event, args)`` of all received events.

        Raises:
            RxKernelError: the connection was never connected.
        """
        self._check_started()
        return self._emitted

    async def connect(self) -> None:
        """Connect, and wait for the listeners of ACCEPTED; does nothing if it is connected.

        Raises:
            ConnectionRefusedException: a listener of CONNECTED rejects it.
            RxKernelError: it has ended; a client that reconnects is another connection.
        """
        async with self._connecting:
            if self.is_connected:
                return
            if self._is_started:
                raise RxKernelError(
                    f"{self!r} has ended; create another one: client.connection(...)"
                )
            self._is_started = True
            self.loop = asyncio.get_running_loop()
            await self._connector.connect(self)
        if self.accepting is not None:
            await asyncio.wait({self.accepting})

    async def close(self, reason: DisconnectReason | str = DisconnectReason.CLIENT) -> None:
        """Disconnect, as a client or the network would; does nothing if it has ended.

        While CONNECTED is dispatched, this waits until the connection is accepted or rejected;
        while ACCEPTED is dispatched, until its listeners have returned.
        """
        self._check_started()
        async with self._connecting:
            if self.is_connected:
                await self._connector.disconnect(self, DisconnectReason(reason))

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self.close()

    # --- for the application

    @property
    def rooms(self) -> frozenset[str]:
        return frozenset(self._rooms)

    async def emit(self, event: str, *args: Any) -> None:
        self._check_started()
        self.check_event_loop("emit")
        encode_event(self.namespace, event, args, None, self._connector.serializer)
        self.receive(event, args)

    async def call(self, event: str, *args: Any, timeout: float = 60.0) -> Any:
        self._check_started()
        self.check_call(event)
        await self.emit(event, *args)
        if event not in self.acknowledgements:
            raise TimeoutError(
                f"the connection has no acknowledgement for {event!r}; "
                f"set acknowledgements[{event!r}]"
            )
        return self.acknowledgements[event]

    async def join(self, room: str) -> None:
        self._check_started()
        check_room(room)
        self.check_event_loop("join")
        if self.is_ended or room == self.id:
            return
        if self._connector.is_id(self.namespace, room):
            raise ValueError(f"{room!r} is the room of another connection")
        self._rooms.add(room)

    async def leave(self, room: str) -> None:
        self._check_started()
        check_room(room)
        self.check_event_loop("leave")
        if not self.is_ended:
            self._rooms.discard(room)

    async def disconnect(self) -> None:
        self._check_started()
        self.check_event_loop("disconnect")
        if not self.is_accepted:
            self.is_rejected = True
        elif not self.is_ended:
            ending = self._connector.disconnect(self, DisconnectReason.SERVER)
            if not self.is_accepting:  # the caller may be a listener of ACCEPTED
                await ending

    # --- for its connector

    def receive(self, event: str, args: tuple[Any, ...]) -> None:
        """Record *event* when the connection is accepted; does nothing if it has ended."""
        self._check_started()
        message = event, tuple(map(self._connector.serializer.to_plain, args))
        if not self.is_accepted:
            self._early.append(message)
        elif not self.is_ended:
            self._emitted.append(message)

    def accept(self) -> None:
        self.is_accepted = True
        self._emitted, self._early = self._early, []

    def end(self) -> None:
        """End the connection: it receives no more events."""
        self.is_ended = True
        self.notify_disconnected()

    async def disconnected(self) -> None:
        """Close the services after the last event; DISCONNECTED has been dispatched."""
        self._is_disconnected = True
        await self._close_services()

    @asynccontextmanager
    async def handling(self) -> AsyncIterator[None]:
        """Keep the services open while an event of the connection is handled."""
        self._events += 1
        try:
            yield
        finally:
            self._events -= 1
            await self._close_services()

    async def _close_services(self) -> None:
        if self._is_disconnected and not self._events:
            await run(close_connection(self), self.context)

    def _check_started(self) -> None:
        if not self._is_started:
            raise RxKernelError(
                f"{self!r} is not connected; write: async with client.connection(...) as "
                f"connection, or await connection.connect()"
            )
