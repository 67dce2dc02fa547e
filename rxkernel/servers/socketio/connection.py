"""A Socket.IO client in one namespace: the one place where its state lives and ends."""

import asyncio
from typing import Any, Protocol

from rxkernel.exceptions import RxKernelError
from rxkernel.messages.connection import Connection
from rxkernel.servers.socketio.mailbox import Gate, Mailbox
from rxkernel.servers.socketio.outbox import Outgoing
from rxkernel.servers.socketio.packet import encode_event
from rxkernel.servers.socketio.session import Session


class Link(Protocol):
    """What a connection needs of the engine that made it."""

    def rooms_of(self, connection: "SocketioConnection") -> list[Any]: ...

    async def enter(self, connection: "SocketioConnection", room: str) -> None: ...

    async def leave(self, connection: "SocketioConnection", room: str) -> None: ...

    async def drop(self, connection: "SocketioConnection") -> None: ...


class SocketioConnection(Connection):
    """What it emits before it is accepted is sent behind the CONNECT packet; disconnecting it
    before is refusing it. ``request_id`` is what its handshake brought as an id.
    """

    def __init__(
        self,
        link: Link,
        id: str,
        namespace: str,
        session: Session,
        gate: Gate,
        **handshake: Any,
    ) -> None:
        super().__init__(id, namespace, **handshake)
        settings = session.settings
        self.session = session
        self.mailbox = Mailbox(settings.concurrency, settings.max_waiting, gate)
        self.is_accepted = False
        self.is_dropped = False
        self.is_ended = False
        self.request_id: str | None = None
        self._rooms_at_end: frozenset[str] = frozenset()
        self._link = link
        self._gate = gate
        self._early: list[Outgoing] = []
        self._last_call = 0
        self._calls: dict[int, asyncio.Future[list[Any]]] = {}

    @property
    def rooms(self) -> frozenset[str]:
        if self.is_ended:
            return self._rooms_at_end
        return frozenset(self._link.rooms_of(self)) - {self.id}

    def put(self, message: Outgoing) -> None:
        """Send what was encoded for this client, unless it has left.

        It may have connected anew on the same session, and count its acknowledgements from
        the start.
        """
        if not self.is_accepted:
            self._early.append(message)
        elif not self.is_ended:
            self.session.put(message)

    def acknowledge(self, message: Outgoing) -> None:
        """Send an answer at once, unless other events of this client are being handled: one
        write may then take several."""
        if self.mailbox.running > 1:
            self.put(message)
        elif not self.is_ended:
            self.session.put_now(message)

    async def emit(self, event: str, *args: Any) -> None:
        self.put(encode_event(self.namespace, event, args, None))

    def next_call(self) -> int:
        """The acknowledgement id of the next event that asks for an answer."""
        self._last_call += 1
        return self._last_call

    async def call(self, event: str, *args: Any, timeout: float = 60.0) -> Any:
        if not self.is_accepted:
            raise RxKernelError(
                f"call({event!r}) before the connection is accepted would wait for itself; "
                f"emit, or call from the first event"
            )
        if self.is_ended:
            raise TimeoutError("the client has left")
        ack = self.next_call()
        message = encode_event(self.namespace, event, args, ack)
        answer = self._calls[ack] = asyncio.get_running_loop().create_future()
        try:
            self.put(message)
            with self._gate.expecting():
                async with asyncio.timeout(timeout):
                    values = await answer
        finally:
            self._calls.pop(ack, None)
        return values[0] if len(values) == 1 else tuple(values) or None

    @property
    def calls(self) -> int:
        """How many answers are waited for."""
        return len(self._calls)

    def answered(self, ack: int, values: list[Any]) -> bool:
        """The client acknowledged; False when nobody waits for that."""
        answer = self._calls.get(ack)
        if answer is None or answer.done():
            return False
        answer.set_result(values)
        return True

    async def join(self, room: str) -> None:
        await self._link.enter(self, room)

    async def leave(self, room: str) -> None:
        await self._link.leave(self, room)

    async def disconnect(self) -> None:
        if self.is_accepted:
            await self._link.drop(self)
        else:
            self.is_dropped = True

    def accept(self) -> None:
        """The client knows that it is connected: send what was emitted before."""
        self.is_accepted = True
        early, self._early = self._early, []
        for message in early:
            self.put(message)

    def end(self) -> None:
        """The client has left: fail what waits for it. Events that were read still run."""
        self._rooms_at_end = self.rooms
        self.is_ended = True
        for answer in self._calls.values():
            if not answer.done():
                answer.set_exception(TimeoutError("the client left before it answered"))
