"""The actions of a gateway: ``io.broadcast`` and ``io.get_clients``."""

from collections.abc import Iterator
from typing import Annotated, Any

import attrs
from injector import inject

from bundles.gateway.broker.action import ACTION, ActionOptions
from bundles.gateway.broker.broker import Broker
from bundles.gateway.broker.context import CurrentContext
from bundles.gateway.broker.on_event import EVENT_HANDLER, EventHandlerOptions
from bundles.gateway.broker.transport import ACTIONS, EVENTS
from bundles.gateway.exceptions import ValidationError
from bundles.gateway.settings import GatewaySettings
from bundles.gateway.sockets.gateway import Gateway
from rxkernel import Body, Broadcaster, ProcedureMetadata


@attrs.frozen(kw_only=True)
class Broadcast:
    """The parameters of ``io.broadcast``. Without ``rooms``, all clients of the namespace receive
    the event."""

    event: str
    namespace: str = "/"
    args: list[Any] = attrs.field(factory=list)
    rooms: list[str] | None = None
    volatile: bool = False
    local: bool = False


class GatewayActions:
    """The actions are public: clients may call them only if a whitelist has them."""

    @inject
    def __init__(
        self,
        gateway: Gateway,
        broadcaster: Broadcaster,
        broker: Broker,
        settings: GatewaySettings,
    ) -> None:
        self._is_in_cluster = settings.transporter != "none"
        self._gateway = gateway
        self._broadcaster = broadcaster
        self._broker = broker

    def routes(self) -> Iterator[ProcedureMetadata]:
        for action in ("broadcast", "get_clients"):
            name = f"{self._gateway.name}.{action}"
            options: dict[str, Any] = {ACTION: ActionOptions(name=name)}
            yield ProcedureMetadata(self, name, action, ACTIONS, options, arguments="value")
        if self._is_in_cluster:
            options = {EVENT_HANDLER: EventHandlerOptions(pattern=self._event, group=self._event)}
            name = f"{self._event} of another node"
            yield ProcedureMetadata(self, name, "relay", EVENTS, options, arguments="value")

    @property
    def _event(self) -> str:
        """The event by which the nodes of a cluster forward broadcasts."""
        return f"{self._gateway.name}.broadcast"

    async def broadcast(self, given: Broadcast) -> None:
        """Send an event to the clients of all gateways in the cluster, or of this node if
        ``local`` is true.

        A client in several rooms receives it once. The id of a connection is also the name of a
        room. With an empty list of rooms, no client receives the event.
        """
        if given.rooms is not None and not given.rooms:
            return
        await self._emit(given)
        is_sent_on = self._is_in_cluster and not given.local
        if is_sent_on and not self._broadcaster.reaches_other_processes:
            await self._broker.broadcast(self._event, attrs.asdict(given))

    async def relay(self, ctx: CurrentContext, given: Annotated[Broadcast, Body()]) -> None:
        """Send a broadcast of another node to the clients of this process only: all processes in
        the cluster receive the broadcast, so a broadcaster must not forward it to them."""
        if ctx.sender is not None:
            await self._emit(attrs.evolve(given, local=True))

    async def _emit(self, given: Broadcast) -> None:
        try:
            await self._broadcaster.emit(
                given.event,
                *given.args,
                room=given.rooms,
                namespace=given.namespace,
                volatile=given.volatile,
                local=given.local,
            )
        except ValueError as exc:  # the name of the event is reserved in Socket.IO
            entry = {"type": "event", "field": "event", "message": str(exc)}
            raise ValidationError(data=[entry]) from exc

    async def get_clients(self, room: str, namespace: str = "/") -> list[str]:
        """Return the ids of the connections in *room* of *namespace*."""
        return [one.id for one in await self._broadcaster.connections(room, namespace)]
