"""`Cluster`: this node among others, which it calls and which call it."""

import asyncio
import logging
from collections.abc import Iterable, Mapping, Set
from typing import Any, cast

import attrs
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
from bundles.gateway.cluster.transporter import BusUnavailableError, Transporter
from bundles.gateway.errors import RequestRejectedError, node_not_found
from bundles.gateway.settings import GatewaySettings
from rxkernel import Kernel, Propagator, ServerStartError

logger = logging.getLogger(__name__)


@attrs.frozen
class Discovery:
    """*seconds*: how long a start waits for the information of other nodes, by default as long as
    Moleculer. Bind another instance for tests."""

    seconds: float = 0.5


class Cluster:
    """
    Attributes:
        shared, services: see `Remote`.
        is_running: whether it was started, also if the bus is away.
        has_joined: whether the other nodes can reach this one when the bus can be used.
        members: the other nodes.
        problem: why this node has not joined the cluster although the bus can be used; None: it
            has, or tries.
        dropped: the packets that could not be used.
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
        self.services: Set[str] = frozenset()
        self.dropped = DroppedPackets()
        self.problem: str | None = None
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
            settings.max_packet_size,
        )
        self._kernel = kernel
        self._discovery = discovery
        self._events_here = SharedEvents(
            broker.registry, (), self._balancer, prefer_local=settings.prefer_local
        )
        self._joining: asyncio.Task[None] | None = None
        self._beating: asyncio.Task[None] | None = None
        self.is_running = False
        self.has_joined = False

    @property
    def figures(self) -> Mapping[str, int]:
        """The other nodes, calls that wait for their results, and calls and events that run."""
        return {
            "nodes": len(self.members.table.available),
            "outgoing_calls": self._calls.count,
            "incoming_messages": self._incoming.count,
        }

    # --- what the broker uses, see `Remote`

    @property
    def nodes(self) -> Iterable[RemoteNode]:
        return self.members.table

    def visibilities(self) -> Mapping[str, str]:
        return {name: action.visibility for name, action in self.shared.items() if action.remote}

    async def request(self, endpoint: Endpoint, context: Context) -> Any:
        chosen = cast(RemoteEndpoint, endpoint).node  # the broker runs the others itself
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
        if self._joining is not None:
            self._joining.cancel()  # it began before the bus was lost
        self._joining = asyncio.create_task(self._join())

    def lost(self, reason: str) -> None:
        self._calls.fail_all(None)
        self._incoming.lose(None)
        self._broker.notify("$transporter.disconnected", {"graceful": False})

    # --- the life of this node

    async def start(self) -> None:
        """Join the cluster, or begin to wait for the bus.

        Raises:
            ServerStartError: the bus rejects this node, or another node has its name.
        """
        self._trace.extract = self._kernel.extract
        self._incoming.begin()
        self._own.offer(self._broker.registry)
        self._renew()
        self.is_running = True
        try:
            await self._transporter.connect(self)
            if self._joining is not None:
                await asyncio.wait({self._joining})
                if self.problem is not None:
                    raise ServerStartError(self.problem)
                await asyncio.sleep(self._discovery.seconds)
        except BaseException:
            await self.stop()
            raise
        self._beating = asyncio.create_task(self._beat())

    async def _join(self) -> None:
        """Join the cluster, or set `problem`. The next heartbeat tries it again."""
        try:
            if not self.has_joined and not await self._may_join():
                return
            await self.members.join()
            await self._link.deliver_late()
        except BusUnavailableError as exc:
            logger.debug("the bus was lost again: %s", exc)
        else:
            self._broker.notify("$transporter.connected", {})

    async def _may_join(self) -> bool:
        before, self.problem = self.problem, None
        if not await self._name_check.is_taken():
            await self._transporter.subscribe(self._link.topics.received)
            self.has_joined = True
            place = self._transporter.place
            logger.info("joined the cluster at %s as %r", place, self._settings.node_id)
            return True
        self.problem = (
            f"the cluster at {self._transporter.place} has a node called "
            f"{self._settings.node_id!r} already; give each process its own gateway.node_id, or "
            f"leave the setting out"
        )
        if self._beating is not None and before is None:
            logger.error("%s", self.problem)
        return False

    async def _beat(self) -> None:
        loop, interval = asyncio.get_running_loop(), self._settings.heartbeat_interval
        while True:
            begin = loop.time()
            await asyncio.sleep(interval)
            try:
                if self._transporter.is_connected:
                    await self._beat_once(loop.time() - begin - interval)
            except Exception:  # the next heartbeats must be sent nevertheless
                logger.exception("a heartbeat of the cluster has failed")

    async def _beat_once(self, delay: float) -> None:
        """*delay*: the seconds by which it is late, because this process was busy."""
        if not self.has_joined:
            if self._joining is None or self._joining.done():
                self.connected()
            return
        await self.members.beat()
        timeout = self._settings.heartbeat_timeout
        if delay < timeout / 2:  # else packets wait to be read
            self.members.check(timeout)
        since = asyncio.get_running_loop().time() - timeout
        self._calls.forget(since)
        self._incoming.forget(since)

    def offer(self) -> None:
        """Offer what the broker has from now on, and inform the other nodes."""
        self._own.offer(self._broker.registry)
        self._renew()
        self._sender.run(self.members.introduce())

    async def drain(self) -> None:
        """Inform the others that they must not call this node any more, and finish what runs."""
        self._incoming.is_refusing = True
        self._own.offer(None)
        await self.members.introduce()
        await self._incoming.drain()

    async def stop(self) -> None:
        """Leave the cluster."""
        tasks = [task for task in (self._beating, self._joining) if task is not None]
        self._beating = self._joining = None
        for task in tasks:
            task.cancel()
            await asyncio.wait({task})
        await self._incoming.cancel()
        if self.has_joined:
            await self.members.leave()
        self.is_running = self.has_joined = False
        self._calls.fail_all(None)
        await self._sender.close()
        await self._transporter.close()
        self._broker.use_remote(None)

    # --- changes of other nodes

    def _changed(self, change: Change) -> None:
        node, before = change.node, change.before
        if before is not None and (change.kind != "updated" or before.instance != node.instance):
            self._calls.fail_all(before)
            self._incoming.lose(before)
            self._choice.forget(before.id)
        self._renew()
        self._inbox.release(node.id)
        facts = {"node": other_node(node)}
        match change.kind:
            case "joined":
                logger.info("the node %r has joined the cluster", node.id)
                self._broker.notify("$node.connected", facts)
            case "updated":
                self._broker.notify("$node.updated", facts)
            case "left":
                logger.info("the node %r has left the cluster", node.id)
                self._broker.notify("$node.disconnected", {**facts, "unexpected": False})
            case "lost":
                logger.warning("the node %r is lost: it sends no heartbeat", node.id)
                self._broker.notify("$node.disconnected", {**facts, "unexpected": True})

    def _renew(self) -> None:
        """Read again what all nodes offer."""
        local = self._broker.registry.actions
        self.shared = shared_actions(local, self.members.table, self._choice)
        nodes = tuple(self.members.table.available.values())
        self.services = frozenset(name for node in nodes for name in node.services)
        self._events_here = SharedEvents(
            self._broker.registry,
            nodes,
            self._balancer,
            prefer_local=self._settings.prefer_local,
        )
        self._balancer.keep({*self.shared, *self._events_here.keys})
        self._broker.use_remote(self)
