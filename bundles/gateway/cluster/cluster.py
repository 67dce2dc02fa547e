"""`Cluster`: connects this node to the others, for calls and events in both directions."""

import asyncio
import logging
from collections.abc import Iterable, Mapping, Set
from typing import Any, cast

from injector import inject

from bundles.gateway.broker.broker import Broker
from bundles.gateway.broker.catalog import other_node
from bundles.gateway.broker.context import Context
from bundles.gateway.broker.route import Endpoint, EventHandlers, OutgoingEvent, Pong
from bundles.gateway.cluster.balancer import Balancer
from bundles.gateway.cluster.dropped_packets import DroppedPackets
from bundles.gateway.cluster.inbox import Inbox
from bundles.gateway.cluster.incoming_messages import IncomingMessages
from bundles.gateway.cluster.link import Link
from bundles.gateway.cluster.members import Change, Members
from bundles.gateway.cluster.membership import Discovery, Membership
from bundles.gateway.cluster.name_check import NameCheck
from bundles.gateway.cluster.outgoing_calls import OutgoingCalls
from bundles.gateway.cluster.outgoing_events import OutgoingEvents
from bundles.gateway.cluster.own_node import OwnNode
from bundles.gateway.cluster.packets import Command
from bundles.gateway.cluster.pings import Pings
from bundles.gateway.cluster.remote_errors import ErrorWriter
from bundles.gateway.cluster.remote_node import RemoteNode
from bundles.gateway.cluster.sender import Sender
from bundles.gateway.cluster.shared_action import (
    Choice,
    RemoteEndpoint,
    SharedAction,
    shared_actions,
)
from bundles.gateway.cluster.shared_events import SharedEvents
from bundles.gateway.cluster.trace import Trace
from bundles.gateway.exceptions import RequestRejectedError, node_not_found
from bundles.gateway.settings import GatewaySettings
from bundles.message_bus import Transporter
from rxkernel import Kernel, Propagator

logger = logging.getLogger(__name__)


class Cluster:
    """
    Attributes:
        shared: see `Remote`.
        is_running: whether it was started; the bus may be unavailable.
        membership: whether this node has joined the cluster.
        members: the other nodes.
        dropped: counts the packets that were dropped.
    """

    @inject
    def __init__(
        self,
        transporter: Transporter,
        settings: GatewaySettings,
        broker: Broker,
        kernel: Kernel,
        propagator: Propagator,
        discovery: Discovery,
    ) -> None:
        self.shared: Mapping[str, SharedAction] = {}
        self.dropped = DroppedPackets()
        self._settings = settings
        self._broker = broker
        self._transporter = transporter
        self._balancer = Balancer(settings.balancing)
        self._choice = Choice(self._balancer, broker.circuits, settings)
        self._link = link = Link(transporter, settings, kernel.serializer)
        self._own = own = OwnNode(link.accepted)
        self._sender = sender = Sender(link)
        self._trace = trace = Trace(propagator)
        errors = ErrorWriter(settings.node_id, kernel.serializer, kernel.debug)
        self.members = Members(link, own, self.dropped, sender, self._changed)
        self._calls = OutgoingCalls(link, trace, errors, self.dropped, own.instance)
        self._events = OutgoingEvents(link, trace, own.instance)
        self._incoming = IncomingMessages(broker, link, trace, errors, self.dropped)
        self._pings = Pings(link, sender, self.dropped)
        self._name_check = NameCheck(transporter, link, own.instance, settings.node_id)
        self.membership = Membership(
            transporter,
            link,
            self.members,
            settings,
            self._name_check,
            joined=lambda: broker._notify("$transporter.connected", {}),
            clean=self._clean,
        )
        self._inbox = Inbox(
            settings.node_id,
            link,
            self.members,
            self.dropped,
            {
                Command.DISCOVER: self.members.discover,
                Command.INFO: self.members.info,
                Command.HEARTBEAT: self.members.heartbeat,
                Command.DISCONNECT: self.members.disconnect,
                Command.PING: self._pings.ping,
                Command.PONG: self._pings.pong,
                Command.REQUEST: self._incoming.request,
                Command.RESPONSE: self._calls.received,
                Command.EVENT: self._incoming.event,
            },
            {
                Command.REQUEST: self._incoming.refuse,
                Command.RESPONSE: self._calls.end,
            },
            settings.max_packet_size,
        )
        self._kernel = kernel
        self._discovery = discovery
        self._events_here: SharedEvents  # set by `start`, before the broker uses it
        self.is_running = False

    @property
    def figures(self) -> Mapping[str, int]:
        """The numbers of other nodes, of calls that wait for their results, of calls and events
        that run, and of dropped packets."""
        return {
            "nodes": len(self.members.table.available),
            "outgoing_calls": self._calls.count,
            "incoming_messages": self._incoming.count,
            "dropped_packets": self.dropped.total,
        }

    # --- what the broker uses, see `Remote`

    @property
    def nodes(self) -> Iterable[RemoteNode]:
        return self.members.table

    @property
    def services(self) -> Set[str]:
        nodes = self.members.table.available.values()
        return frozenset(name for node in nodes for name in node.services)

    def visibilities(self) -> Mapping[str, str]:
        return {name: action.visibility for name, action in self.shared.items() if action.remote}

    async def request(self, endpoint: Endpoint, context: Context) -> Any:
        chosen = cast(RemoteEndpoint, endpoint).node  # the broker itself runs local endpoints
        node = self.members.table.available.get(chosen.id)
        if node is None or node.instance != chosen.instance:  # lost since it was chosen
            raise RequestRejectedError(endpoint.name, chosen.id)
        return await self._calls.request(endpoint.name, node, context)

    async def send_event(self, event: OutgoingEvent) -> EventHandlers:
        choose = self._events_here.all if event.to_all else self._events_here.one_of_each_group
        here, receivers = choose(event.name, event.groups)
        if receivers:
            await self._events.send(event, receivers)
        return here

    async def ping(self, node_id: str, timeout: float) -> Pong:
        node = self.members.table.available.get(node_id)
        if node is None:
            raise node_not_found(node_id)
        return await self._pings.send(node, timeout)

    # --- what the transporter uses, see `Receiver`

    def received(self, topic: str, data: bytes) -> None:
        if topic == self._name_check.topic:
            self._name_check.replied()
        else:
            self._inbox.received(topic, data, asyncio.get_running_loop().time())

    def connected(self) -> None:
        self.membership.connected()

    def lost(self, reason: str) -> None:
        self._calls.fail_all(None)
        self._incoming.lose(None)
        self._broker._notify("$transporter.disconnected", {"graceful": False})

    # --- the life of this node

    async def start(self) -> None:
        """Join the cluster; if the bus is unavailable, join later.

        Raises:
            ServerStartError: the bus rejects this node, or another node has its name.
        """
        self._trace.extract = self._kernel.extract
        self._incoming.begin()
        self._own.offer(self._broker.routes.registry)
        self._renew()
        self.is_running = True
        try:
            await self._transporter.connect(self)
            await self.membership.begin(self._discovery)
        except BaseException:
            await self.stop()
            raise

    def _clean(self, since: float) -> None:
        self._calls.forget(since)
        self._incoming.forget(since)

    def offer(self) -> None:
        """Offer the actions and handlers that the broker has now, and inform the other nodes."""
        self._own.offer(self._broker.routes.registry)
        self._renew()
        self._sender.run(self.members.introduce())

    async def drain(self) -> None:
        """Ask the others not to call this node any longer, and finish the running calls."""
        self._incoming.is_refusing = True
        self._own.offer(None)
        await self.members.introduce()
        await self._incoming.drain()

    async def stop(self) -> None:
        """Leave the cluster."""
        await self.membership.end()
        await self._incoming.cancel()
        await self.membership.leave()
        self.is_running = False
        self._calls.fail_all(None)
        await self._sender.close()
        await self._transporter.close()
        self._broker.routes.use_remote(None)

    # --- changes of other nodes

    def _changed(self, change: Change) -> None:
        node, ended = change.node, change.ended
        if ended is not None:
            self._calls.fail_all(ended)
            self._incoming.lose(ended)
            self._choice.forget(ended.id)
        self._renew()
        self._inbox.release(node.id)
        facts = {"node": other_node(node)}
        match change.kind:
            case "joined":
                logger.info("the node %r has joined the cluster", node.id)
                self._broker._notify("$node.connected", facts)
            case "restarted":
                logger.warning("the node %r was restarted", node.id)
                self._broker._notify("$node.updated", facts)
            case "updated":
                self._broker._notify("$node.updated", facts)
            case "left":
                logger.info("the node %r has left the cluster", node.id)
                self._broker._notify("$node.disconnected", {**facts, "unexpected": False})
            case "lost":
                logger.warning("the node %r is lost: it sends no heartbeat", node.id)
                self._broker._notify("$node.disconnected", {**facts, "unexpected": True})

    def _renew(self) -> None:
        """Read again what all nodes offer."""
        local = self._broker.routes.registry.actions
        self.shared = shared_actions(local, self.members.table, self._choice)
        self._events_here = SharedEvents(
            self._broker.routes.registry,
            self.members.table.available.values(),
            self._balancer,
            prefer_local=self._settings.prefer_local,
        )
        self._balancer.keep({*self.shared, *self._events_here.keys})
        self._broker.routes.use_remote(self)
