"""A Socket.IO client in one namespace: the one place where its state lives and ends."""

import asyncio
from itertools import count
from typing import Any, Protocol

from rxkernel.exceptions import RxKernelError
from rxkernel.messages.connection import Connection
from rxkernel.servers.socketio.mailbox import Mailbox


class Link(Protocol):
    """What a connection needs of the engine that made it."""

    async def send_event(
        self, connection: "SocketioConnection", event: str, args: tuple[Any, ...], ack: int | None
    ) -> None: ...

    def rooms_of(self, connection: "SocketioConnection") -> list[Any]: ...

    async def enter(self, connection: "SocketioConnection", room: str) -> None: ...

    async def leave(self, connection: "SocketioConnection", room: str) -> None: ...

    async def drop(self, connection: "SocketioConnection") -> None: ...


class SocketioConnection(Connection):
    """What it emits before it is accepted is sent behind the CONNECT packet; disconnecting it
    before is refusing it. ``engine_id`` is the Engine.IO session that carries it.
    """

    def __init__(
        self,
        link: Link,
        id: str,
        namespace: str,
        engine_id: str,
        concurrency: int,
        **handshake: Any,
    ) -> None:
        super().__init__(id, namespace, **handshake)
        self.engine_id = engine_id
        self.mailbox = Mailbox(concurrency)
        self.is_accepted = False
        self.is_dropped = False
        self.is_ended = False
        self._link = link
        self._early: list[tuple[str, tuple[Any, ...]]] = []
        self._acks = count(1)
        self._calls: dict[int, asyncio.Future[list[Any]]] = {}

    @property
    def rooms(self) -> frozenset[str]:
        return frozenset(self._link.rooms_of(self)) - {None, self.id}

    async def emit(self, event: str, *args: Any) -> None:
        if self.is_accepted:
            await self._link.send_event(self, event, args, None)
        else:
            self._early.append((event, args))

    async def call(self, event: str, *args: Any, timeout: float = 60.0) -> Any:
        if not self.is_accepted:
            raise RxKernelError(
                f"call({event!r}) before the connection is accepted would wait for itself; "
                f"emit, or call from the first event"
            )
        if self.is_ended:
            raise TimeoutError("the client has left")
        ack = next(self._acks)
        answer = self._calls[ack] = asyncio.get_running_loop().create_future()
        try:
            await self._link.send_event(self, event, args, ack)
            with self.mailbox.expected():
                async with asyncio.timeout(timeout):
                    values = await answer
        finally:
            self._calls.pop(ack, None)
        return values[0] if len(values) == 1 else tuple(values) or None

    def answered(self, ack: int | None, values: list[Any]) -> None:
        """The client acknowledged; an answer that nobody waits for is ignored."""
        answer = self._calls.get(ack) if ack is not None else None
        if answer is not None and not answer.done():
            answer.set_result(values)

    async def join(self, room: str) -> None:
        await self._link.enter(self, room)

    async def leave(self, room: str) -> None:
        await self._link.leave(self, room)

    async def disconnect(self) -> None:
        if self.is_accepted:
            await self._link.drop(self)
        else:
            self.is_dropped = True

    async def accept(self) -> None:
        """The client knows that it is connected: send what was emitted before."""
        self.is_accepted = True
        early, self._early = self._early, []
        for event, args in early:
            await self.emit(event, *args)

    def end(self) -> None:
        """The client has left: fail what waits for it. Events that were read still run."""
        self.is_ended = True
        for answer in self._calls.values():
            if not answer.done():
                answer.set_exception(TimeoutError("the client left before it answered"))
