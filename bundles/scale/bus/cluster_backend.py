"""The clients of the other processes, for `Broadcaster`."""

import logging
from collections.abc import Sequence
from typing import Any

from bundles.scale.bus.broadcasts import Broadcasts, Rooms
from bundles.scale.bus.requests import Replies, Requests
from rxkernel import (
    BroadcastBackend,
    Broadcaster,
    ConnectionInfo,
    NotConnectedError,
    NotImplementedException,
)

logger = logging.getLogger(__name__)

_CONNECTIONS, _CHANGE, _CALL = "connections", "change", "call"

_ABSENT, _LATE, _REFUSED, _ONE, _SEVERAL = "absent", "late", "refused", "one", "several"
"""The replies to a call: the client is not connected here, it has not replied in time, its
protocol has no acknowledgements, or it has replied with one value or with several."""


class ClusterBackend(BroadcastBackend):
    """Reaches the clients that are connected to other processes.

    Args:
        timeout: seconds in which the other processes must reply.
    """

    is_local = False

    def __init__(
        self,
        broadcasts: Broadcasts,
        requests: Requests,
        broadcaster: Broadcaster,
        timeout: float,
    ) -> None:
        self._broadcasts = broadcasts
        self._requests = requests
        self._broadcaster = broadcaster
        self._timeout = timeout
        requests.responders |= {
            _CONNECTIONS: self._list,
            _CHANGE: self._apply,
            _CALL: self._call,
        }

    async def broadcast(
        self,
        event: str,
        args: tuple[Any, ...],
        rooms: Rooms,
        namespace: str,
        skip: set[str],
        volatile: bool,
    ) -> bool:
        return self._broadcasts.send(event, args, rooms, namespace, skip, volatile)

    async def connections(self, rooms: Rooms, namespace: str) -> Sequence[ConnectionInfo]:
        """The connections of processes that cannot be reached are missing. So are those of
        processes that do not reply, which is logged."""
        replies = await self._ask(_CONNECTIONS, rooms, namespace)
        return [
            ConnectionInfo(id, namespace, frozenset(joined))
            for found in replies.values
            for id, joined in found
        ]

    async def _ask(self, name: str, *values: Any) -> Replies:
        replies = await self._requests.send(name, *values, timeout=self._timeout)
        if replies.was_sent and not replies.is_complete:
            logger.warning(
                "other processes that did not reply to %r within %g s: %d; silent before: %d",
                *(name, self._timeout, len(replies.missing), len(replies.silent)),
            )
        return replies

    async def _list(self, rooms: list[str] | None, namespace: str) -> list[tuple[str, list[str]]]:
        found = await self._broadcaster.connections(rooms, namespace, local=True)
        return [(one.id, list(one.rooms)) for one in found]

    async def change(
        self,
        rooms: tuple[str, ...],
        namespace: str,
        *,
        join: tuple[str, ...] = (),
        leave: tuple[str, ...] = (),
        disconnect: bool = False,
    ) -> bool:
        """A process in which *join* is the id of another connection changes nothing.

        Raises:
            ValueError: *join* is the id of another connection in one of the processes.
        """
        replies = await self._ask(_CHANGE, rooms, namespace, join, leave, disconnect)
        for error in replies.values:
            if error is not None:
                raise ValueError(error)
        return replies.is_complete

    async def _apply(
        self, rooms: list[str], namespace: str, join: list[str], leave: list[str], disconnect: bool
    ) -> str | None:
        broadcaster = self._broadcaster
        try:
            if join:
                await broadcaster.join(rooms, join, namespace, local=True)
        except ValueError as exc:
            return str(exc)
        if leave:
            await broadcaster.leave(rooms, leave, namespace, local=True)
        if disconnect:
            await broadcaster.disconnect(rooms, namespace, local=True)
        return None

    async def call(
        self, id: str, event: str, args: tuple[Any, ...], namespace: str, timeout: float
    ) -> Any:
        replies = await self._requests.send(
            *(_CALL, id, event, args, namespace, timeout), timeout=timeout, until=_has_client
        )
        for what, values in replies.values:
            match what:
                case "one":
                    return values[0]
                case "several":
                    return tuple(values)
                case "late":
                    raise TimeoutError(f"no acknowledgement of {id!r} within {timeout:g} seconds")
                case "refused":
                    raise NotImplementedException(values[0])
        if not replies.was_sent:
            raise NotConnectedError("the other processes cannot be reached")
        if replies.missing:
            raise TimeoutError(f"no acknowledgement of {id!r} within {timeout:g} seconds")
        raise NotConnectedError(f"no client has the id {id!r} in the namespace {namespace!r}")

    async def _call(
        self, id: str, event: str, args: list[Any], namespace: str, timeout: float
    ) -> tuple[str, list[Any]]:
        try:
            value = await self._broadcaster.call(
                id, event, *args, namespace=namespace, timeout=timeout, local=True
            )
        except NotConnectedError:
            return _ABSENT, []
        except TimeoutError:
            return _LATE, []
        except NotImplementedException as exc:
            return _REFUSED, [exc.message]
        return (_SEVERAL, list(value)) if isinstance(value, tuple) else (_ONE, [value])


def _has_client(replies: list[Any]) -> bool:
    return any(what != _ABSENT for what, _ in replies)
