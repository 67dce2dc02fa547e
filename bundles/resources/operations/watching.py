"""`Watch` and `Unwatch`: start and stop the changes for a socket."""

from collections.abc import Collection, Iterator
from typing import Any

import attrs

from bundles.resources.operations.call import Call
from bundles.resources.operations.facts import ROOMS, Facts
from bundles.resources.operations.operation import Operation
from bundles.resources.operations.row_rules import RowRules
from rxkernel import Connection, Transport, observe


@attrs.frozen(kw_only=True)
class Watch(Operation):
    """Starts to send changes to the client: event ``task_watch``, only over sockets; 204.

    After each commit, the client receives ``task_created`` and ``task_changed`` with the view of a
    row, and ``task_removed`` with ``{"id": …}``. Changes that are made without the operations of
    the resource are not sent. The client may send the event again.
    """

    name = "watch"
    method = "GET"
    status_code = 204
    pushes = ("created", "changed", "removed")

    transports: Collection[Transport] = attrs.field(default=(Transport.SOCKET,), init=False)

    def problems(self, facts: Facts) -> Iterator[str]:
        if "{" in facts.namespace:
            yield (
                f"the namespace {facts.namespace!r} has parameters, but changes are pushed to one "
                f"namespace; write one without"
            )
        overridden = {
            name
            for name in ("visible", "room_of", "rooms_of")
            if getattr(facts.cls, name) is not getattr(RowRules, name)
        }
        missing = sorted({"room_of", "rooms_of"} - overridden)
        if len(missing) == 1 or ("visible" in overridden and missing):
            yield (
                f"clients would get changes of rows that they may not see; override "
                f"{' and '.join(missing)} too"
            )

    async def execute(self, call: Call, data: Any) -> Any:
        await _connection(call).join(_room(call))

    def text(self, facts: Facts) -> str:
        return f"Receive the changes of {facts.entity.__name__} rows from now on."


@attrs.frozen(kw_only=True)
class Unwatch(Operation):
    """Stops the changes of `Watch`: event ``task_unwatch``; 204."""

    name = "unwatch"
    method = "GET"
    status_code = 204

    transports: Collection[Transport] = attrs.field(default=(Transport.SOCKET,), init=False)

    async def execute(self, call: Call, data: Any) -> Any:
        await _connection(call).leave(_room(call))

    def text(self, facts: Facts) -> str:
        return f"Receive no changes of {facts.entity.__name__} rows any more."


class WatchListeners:
    """Stops the changes for a client whose identity ends or changes, since the rules have allowed
    them to the former identity. The events are those of the bundle security, which is optional."""

    @observe("security.socket_expired")
    @observe("security.socket_unauthentication.success")
    async def end(self, event: Any) -> None:
        await _end(event.connection)

    @observe("security.socket_authentication.success")
    async def end_for_another(self, event: Any) -> None:
        before = event.connection.token
        if before is None or before.identifier != event.token.identifier:
            await _end(event.connection)


async def _end(connection: Connection) -> None:
    for room in connection.rooms:
        if room.startswith(ROOMS):
            await connection.leave(room)


def _connection(call: Call) -> Connection:
    connection = call.request.connection
    assert connection is not None, "each message of a socket has one"
    return connection


def _room(call: Call) -> str:
    return call.facts.room_of(call.resource.room_of(call.request))
