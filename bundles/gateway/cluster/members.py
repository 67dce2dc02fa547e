"""The nodes of the cluster: finds other nodes, and detects the loss of nodes."""

import asyncio
import logging
from collections.abc import Callable
from typing import Literal

import attrs

from bundles.gateway.cluster.dropped_packets import DroppedPackets
from bundles.gateway.cluster.link import Link
from bundles.gateway.cluster.node_table import NodeTable, TooManyNodesError
from bundles.gateway.cluster.own_node import OwnNode, cpu_percent
from bundles.gateway.cluster.packets import (
    Command,
    DisconnectPacket,
    DiscoverPacket,
    HeartbeatPacket,
    InfoPacket,
    MessagePacket,
)
from bundles.gateway.cluster.remote_node import RemoteNode
from bundles.gateway.cluster.sender import Sender

logger = logging.getLogger(__name__)

_MOST_STRANGERS = 1000
"""The maximum number of unknown nodes that are asked for their information until the next
heartbeat, and of their packets that are kept."""


@attrs.frozen(eq=False)
class Change:
    """*node* has ``joined``, was ``restarted`` or ``updated``, has ``left``, or was ``lost``: it
    sends nothing any longer.

    *ended* is the instance whose calls and streams have ended; for ``restarted`` the previous one.
    """

    kind: Literal["joined", "restarted", "updated", "left", "lost"]
    node: RemoteNode
    ended: RemoteNode | None = None


class Members:
    """
    Attributes:
        table: the other nodes.
    """

    def __init__(
        self,
        link: Link,
        own: OwnNode,
        dropped: DroppedPackets,
        sender: Sender,
        changed: Callable[[Change], None],
    ) -> None:
        self.table = NodeTable(link.accepted)
        self._link = link
        self._own = own
        self._dropped = dropped
        self._sender = sender
        self._changed = changed
        self._asked: set[str] = set()
        self._held: list[tuple[Command, MessagePacket, str]] = []
        self._has_conflict = False

    # --- packets

    def discover(self, packet: DiscoverPacket, topic: str) -> None:
        self._sender.send_soon(Command.INFO, self._own.info(), packet.sender, packet.ver)

    def info(self, packet: InfoPacket, topic: str) -> None:
        try:
            found = self.table.add(packet, _now())
        except TooManyNodesError:
            self._dropped.add("too_many_nodes", topic, f"{packet.sender!r} is one too many")
            return
        if found is None:
            return
        node, before = found
        if before is not None and before.instance == node.instance:
            self._changed(Change("updated", node))
            return
        self._sender.send_soon(Command.INFO, self._own.info(), node.id, node.protocol)
        self._changed(Change("joined" if before is None else "restarted", node, before))

    def heartbeat(self, packet: HeartbeatPacket, topic: str) -> None:
        node = self.table.available.get(packet.sender)
        if node is None:
            self.ask(packet.sender, packet.ver)
            return
        node.cpu = packet.cpu
        has_changed = packet.seq is not None and packet.seq != node.seq
        has_restarted = packet.instance is not None and not node.instance.startswith(
            packet.instance
        )
        if has_changed or has_restarted:
            self.ask(packet.sender, packet.ver)

    def disconnect(self, packet: DisconnectPacket, topic: str) -> None:
        self._remove(packet.sender, "left")

    def conflict(self, packet: InfoPacket) -> None:
        """Log that another node, the sender of *packet*, has the name of this node."""
        if packet.instance != self._own.instance and not self._has_conflict:
            self._has_conflict = True
            logger.error(
                "another node of the cluster is called %r, too: calls and events of one may reach "
                "the other; give each process its own gateway.node_id",
                packet.sender,
            )

    def hold(self, command: Command, packet: MessagePacket, topic: str) -> None:
        """Keep *packet* of an unknown sender until the sender has sent its information."""
        if len(self._held) >= _MOST_STRANGERS:
            self._drop(packet, topic)
            return
        self._held.append((command, packet, topic))
        self.ask(packet.sender, packet.ver)

    def released(self, node_id: str) -> list[tuple[Command, MessagePacket, str]]:
        """Return the kept packets of *node_id*."""
        found = [one for one in self._held if one[1].sender == node_id]
        if found:
            self._held = [one for one in self._held if one[1].sender != node_id]
        return found

    def ask(self, node_id: str, protocol: str) -> None:
        """Ask the node *node_id* for its information, at most once until the next heartbeat."""
        if node_id not in self._asked and len(self._asked) < _MOST_STRANGERS:
            self._asked.add(node_id)
            self._sender.send_soon(Command.DISCOVER, DiscoverPacket(), node_id, protocol)

    # --- this node

    async def join(self) -> None:
        """Ask all nodes for their information. Each of them receives that of this node when its
        own has arrived."""
        now = _now()
        for node in self.table.available.values():
            node.last_seen = now  # no packet was received while the bus was unavailable
        await self._sender.send(Command.DISCOVER, DiscoverPacket(), None, self._link.accepted)
        if self.table.available:
            await self.introduce()

    async def introduce(self) -> None:
        """Send the information of this node to all others."""
        await self._sender.send(Command.INFO, self._own.info(), None, self.table.protocols())

    async def beat(self) -> None:
        """Send a heartbeat to all nodes."""
        packet = HeartbeatPacket(cpu=cpu_percent(), seq=self._own.seq, instance=self._own.instance)
        protocols = self.table.protocols() or self._link.accepted
        await self._sender.send(Command.HEARTBEAT, packet, None, protocols)

    async def leave(self) -> None:
        """Inform the others that this node leaves."""
        protocols = self.table.protocols()
        await self._sender.send(Command.DISCONNECT, DisconnectPacket(), None, protocols)

    def check(self, timeout: float) -> None:
        """Drop the nodes that sent no packet for *timeout* seconds, and the packets of unknown
        nodes that did not send their information since the last check."""
        now = _now()
        for node_id in self.table.silent(now - timeout):
            self._remove(node_id, "lost")
        self.table.forget(now)
        waiting, self._held = self._held, []
        for command, packet, topic in waiting:
            if packet.sender in self._asked:
                self._held.append((command, packet, topic))  # asked after the last check
            else:
                self._drop(packet, topic)
        self._asked.clear()

    def _remove(self, node_id: str, kind: Literal["left", "lost"]) -> None:
        node = self.table.remove(node_id, _now())
        if node is not None:
            self._changed(Change(kind, node, node))

    def _drop(self, packet: MessagePacket, topic: str) -> None:
        self._dropped.add(
            "unknown_sender", topic, f"the node {packet.sender!r} does not introduce itself"
        )


def _now() -> float:
    return asyncio.get_running_loop().time()
