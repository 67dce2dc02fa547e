"""Broadcasts: events for many clients, on all servers that hold connections."""

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future
from copy import deepcopy
from typing import Any

from rxkernel.exceptions import NotConnectedError
from rxkernel.messages.broadcast_backend import BroadcastBackend, Rooms
from rxkernel.messages.connection import Connection
from rxkernel.messages.connection_info import ConnectionInfo
from rxkernel.messages.connection_recovery import ConnectionRecovery
from rxkernel.messages.event_loops import check_event_loop
from rxkernel.messages.event_names import check_event
from rxkernel.messages.rooms import rooms_of

logger = logging.getLogger(__name__)

Skip = Connection | str | Collection[Connection | str] | None


class Broadcaster:
    """Sends events to the clients of a namespace or of rooms; lists, moves and disconnects them.

    It can be injected anywhere, also into a controller that handles HTTP. The servers that hold
    connections attach themselves as backends while they run. In every method the id of a
    connection is the name of a room that contains only this client, and ``local=True`` limits
    the call to the clients of this process.

    All methods raise RxKernelError outside of the event loop of the servers; only
    `emit_threadsafe` may be called in a thread.

    Args:
        copy: returns a copy of an argument as it is sent. The function of an application raises
            TypeError, ValueError or RecursionError for an argument that cannot be encoded.

    Attributes:
        recovery: records the events for clients that have lost their connection; may be None. A
            bundle sets it before the servers start.
    """

    def __init__(self, copy: Callable[[Any], Any] = deepcopy) -> None:
        self.recovery: ConnectionRecovery | None = None
        self._copy = copy
        self._backends: list[BroadcastBackend] = []
        self._loop: asyncio.AbstractEventLoop | None = None

    def attach(self, backend: BroadcastBackend) -> None:
        """Deliver through *backend* too; does nothing if it is attached already.

        Call it in the event loop of the backend.
        """
        self._loop = asyncio.get_running_loop()
        if backend not in self._backends:
            self._backends.append(backend)

    def detach(self, backend: BroadcastBackend) -> None:
        """Stop delivering through *backend*; does nothing if it is not attached."""
        if backend in self._backends:
            self._backends.remove(backend)
        if not self._backends:
            self._loop = None

    @property
    def reaches_other_processes(self) -> bool:
        """Whether a backend delivers to the clients of other processes."""
        return not all(backend.is_local for backend in self._backends)

    async def emit(
        self,
        event: str,
        *args: Any,
        room: str | Sequence[str] | None = None,
        namespace: str = "/",
        skip: Skip = None,
        volatile: bool = False,
        local: bool = False,
    ) -> bool:
        """Send *event* to all clients of *namespace* except *skip*, connections or their ids.

        *room* limits it to the clients of one room, or of several. A client in more than one of
        them receives the event once. A *volatile* event is not sent to clients whose earlier
        packets are not sent yet.

        Returns:
            False if the clients of some process could not be reached.

        Raises:
            TypeError: *event* or a room is not a str.
        """
        check_event(event)
        return await self._send(
            event, args, rooms_of(room), namespace, _ids(skip), volatile, local
        )

    async def _send(
        self,
        event: str,
        args: tuple[Any, ...],
        rooms: Rooms,
        namespace: str,
        skip: set[str],
        volatile: bool,
        local: bool,
    ) -> bool:
        reached = self._reached("Broadcaster.emit()", local)
        if self.recovery is not None and not volatile:
            self.recovery.record(event, args, rooms, namespace, skip, is_local=local)
        is_complete = True
        for backend in reached:
            is_complete &= await backend.broadcast(event, args, rooms, namespace, skip, volatile)
        return is_complete

    def emit_threadsafe(
        self,
        event: str,
        *args: Any,
        room: str | Sequence[str] | None = None,
        namespace: str = "/",
        skip: Skip = None,
        volatile: bool = False,
        local: bool = False,
    ) -> "Future[bool]":
        """As `emit`, for a thread, such as a plain ``def`` action; does not wait.

        The arguments are copied before it returns, so they may be changed afterwards.
        ``result()`` of the returned future waits, and must not be called in the event loop. An
        error of a backend is logged too.

        Raises:
            TypeError: *event* or a room is not a str.
            TypeError, ValueError, RecursionError: an argument cannot be encoded.
        """
        check_event(event)
        rooms, ids, copies = rooms_of(room), _ids(skip), tuple(map(self._copy, args))
        loop = self._loop
        if loop is None:
            done: Future[bool] = Future()  # no backend is attached, so there are no clients
            done.set_result(True)
            return done
        sending = self._send(event, copies, rooms, namespace, ids, volatile, local)
        sent = asyncio.run_coroutine_threadsafe(sending, loop)
        sent.add_done_callback(_log_error)
        return sent

    async def connections(
        self,
        room: str | Sequence[str] | None = None,
        namespace: str = "/",
        *,
        local: bool = False,
    ) -> list[ConnectionInfo]:
        """Return the clients of *namespace*; with *room*, those in one room or in several.

        Raises:
            TypeError: a room is not a str.
        """
        rooms = rooms_of(room)
        found: dict[str, ConnectionInfo] = {}
        for backend in self._reached("Broadcaster.connections()", local):
            found |= {one.id: one for one in await backend.connections(rooms, namespace)}
        return list(found.values())

    async def join(
        self,
        target: str | Sequence[str],
        room: str | Sequence[str],
        namespace: str = "/",
        *,
        local: bool = False,
    ) -> bool:
        """Make the clients in *target*, a room or several, join *room*, one or several.

        Returns:
            False if the clients of some process could not be reached.

        Raises:
            TypeError: *target* or *room* is None, or has an item that is not a str.
            ValueError: *room* is the id of another client. No client of this process has joined
                a room then.
        """
        joined = _named(room, "room")
        return await self._change("join", target, namespace, local, join=joined)

    async def leave(
        self,
        target: str | Sequence[str],
        room: str | Sequence[str],
        namespace: str = "/",
        *,
        local: bool = False,
    ) -> bool:
        """Make the clients in *target* leave *room*. Arguments and errors: as `join`."""
        left = _named(room, "room")
        return await self._change("leave", target, namespace, local, leave=left)

    async def disconnect(
        self, target: str | Sequence[str], namespace: str = "/", *, local: bool = False
    ) -> bool:
        """Close the connections of the clients in *target* to *namespace*. Errors: as `join`."""
        return await self._change("disconnect", target, namespace, local, disconnect=True)

    async def _change(
        self, method: str, target: str | Sequence[str], namespace: str, local: bool, **change: Any
    ) -> bool:
        targets = _named(target, "target")
        is_complete = True
        for backend in self._reached(f"Broadcaster.{method}()", local):
            is_complete &= await backend.change(targets, namespace, **change)
        if self.recovery is not None:
            is_complete &= await self.recovery.record_change(
                targets, namespace, **change, is_local=local
            )
        return is_complete

    async def call(
        self,
        id: str,
        event: str,
        *args: Any,
        namespace: str = "/",
        timeout: float = 60.0,
        local: bool = False,
    ) -> Any:
        """Send *event* to the client whose connection has *id*, and return its acknowledgement:
        one value, or a tuple of several.

        Raises:
            TypeError: *event* is not a str.
            NotConnectedError: no client has this id; a subclass of TimeoutError.
            TimeoutError: no acknowledgement within *timeout* seconds, or the client has
                disconnected.
        """
        check_event(event)
        for backend in self._reached("Broadcaster.call()", local):
            try:
                return await backend.call(id, event, args, namespace, timeout)
            except NotConnectedError:
                continue
        raise NotConnectedError(f"no client has the id {id!r} in the namespace {namespace!r}")

    def _reached(self, method: str, local: bool) -> tuple[BroadcastBackend, ...]:
        check_event_loop(self._loop, method)
        return tuple(one for one in self._backends if one.is_local or not local)


def _ids(skip: Skip) -> set[str]:
    skipped = [skip] if isinstance(skip, Connection | str) else skip or ()
    return {one.id if isinstance(one, Connection) else one for one in skipped}


def _named(given: str | Sequence[str], what: str) -> tuple[str, ...]:
    """Return the rooms in *given*. None is rejected: it may be a missing id, and would select
    every client."""
    rooms = rooms_of(given)
    if rooms is None:
        raise TypeError(f"{what} is None; pass a str, or several of them")
    return rooms


def _log_error(sent: "Future[bool]") -> None:
    if not sent.cancelled() and (error := sent.exception()) is not None:
        logger.error("Broadcaster.emit_threadsafe() failed", exc_info=error)
