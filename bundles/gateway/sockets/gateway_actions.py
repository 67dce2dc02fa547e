"""The actions of a gateway: ``io.broadcast`` and ``io.get_clients``."""

from collections.abc import Iterator
from typing import Any

import attrs
from injector import inject

from bundles.gateway.broker.action import ACTION, ActionOptions
from bundles.gateway.broker.transport import ACTIONS
from bundles.gateway.errors import ValidationError
from bundles.gateway.sockets.gateway import Gateway
from rxkernel import Broadcaster, ProcedureMetadata


@attrs.frozen(kw_only=True)
class Broadcast:
    """The parameters of ``io.broadcast``; without ``rooms`` all clients of the namespace receive
    it."""

    event: str
    namespace: str = "/"
    args: list[Any] = attrs.field(factory=list)
    rooms: list[str] | None = None
    volatile: bool = False
    local: bool = False


class GatewayActions:
    """They are public: clients may call them only where a whitelist lists them."""

    @inject
    def __init__(self, gateway: Gateway, broadcaster: Broadcaster) -> None:
        self._gateway = gateway
        self._broadcaster = broadcaster

    def routes(self) -> Iterator[ProcedureMetadata]:
        for action in ("broadcast", "get_clients"):
            name = f"{self._gateway.name}.{action}"
            options: dict[str, Any] = {ACTION: ActionOptions(name=name)}
            yield ProcedureMetadata(self, name, action, ACTIONS, options, arguments="value")

    async def broadcast(self, given: Broadcast) -> None:
        """Send an event. A client in several rooms receives it once. The id of a connection is the
        name of a room. With an empty list of rooms, no client receives it."""
        if given.rooms is not None and not given.rooms:
            return
        try:
            await self._broadcaster.emit(
                given.event,
                *given.args,
                room=given.rooms,
                namespace=given.namespace,
                volatile=given.volatile,
                local=given.local,
            )
        except ValueError as exc:  # Socket.IO reserves the name of the event
            entry = {"type": "event", "field": "event", "message": str(exc)}
            raise ValidationError(data=[entry]) from exc

    async def get_clients(self, room: str, namespace: str = "/") -> list[str]:
        """Return the ids of the connections in *room* of *namespace*."""
        return [one.id for one in await self._broadcaster.connections(room, namespace)]
