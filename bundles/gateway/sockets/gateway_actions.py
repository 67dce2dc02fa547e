"""The actions of a gateway: ``io.broadcast`` and ``io.get_clients``."""

from collections.abc import Iterator, Sequence
from typing import Any

from injector import inject

from bundles.gateway.broker.action import ACTION, ActionOptions
from bundles.gateway.broker.transport import ACTIONS
from bundles.gateway.sockets.gateway import Gateway
from rxkernel import Broadcaster, ProcedureMetadata


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
            yield ProcedureMetadata(self, name, action, ACTIONS, options)

    async def broadcast(
        self,
        event: str,
        namespace: str = "/",
        args: Sequence[Any] = (),
        rooms: Sequence[str] | None = None,
        volatile: bool = False,
        local: bool = False,
    ) -> None:
        """Send *event* to the clients of *namespace*; with *rooms*, to those in any of these, each
        once. The id of a connection is the name of a room. An empty list is for nobody."""
        if rooms is None or rooms:
            await self._broadcaster.emit(
                event, *args, room=rooms, namespace=namespace, volatile=volatile, local=local
            )

    async def get_clients(self, room: str, namespace: str = "/") -> list[str]:
        """Return the ids of the connections in *room* of *namespace*."""
        return [one.id for one in await self._broadcaster.connections(room, namespace)]
