"""The other nodes of the cluster that this node knows."""

from collections.abc import Iterable, Iterator

from bundles.gateway.cluster.packets import InfoPacket
from bundles.gateway.cluster.remote_node import RemoteNode

_MOST = 1000
"""Nodes that are known at a time, also those that have left."""

_REMEMBERED = 600.0
"""Seconds for which a node that has left is listed."""


class TooManyNodesError(Exception):
    """The table is full of nodes that live."""


class NodeTable:
    """
    Attributes:
        available: the nodes that live, by their names, in the order in which they came.
    """

    def __init__(self, accepted: tuple[str, ...]) -> None:
        self.available: dict[str, RemoteNode] = {}
        self._left: dict[str, RemoteNode] = {}
        self._accepted = accepted

    def __iter__(self) -> Iterator[RemoteNode]:
        """All nodes, also those that have left."""
        yield from self.available.values()
        yield from self._left.values()

    def add(self, packet: InfoPacket, now: float) -> tuple[RemoteNode, RemoteNode | None] | None:
        """Store what *packet* says. Return the node and what it was before; None: it is not news.

        Raises:
            TooManyNodesError: the node is not added.
        """
        before = self.available.get(packet.sender)
        if before is not None:
            before.last_seen = now
            if before.instance == packet.instance and before.seq >= packet.seq:
                return None
        elif len(self.available) >= _MOST:
            raise TooManyNodesError
        node = RemoteNode.of(packet, self._accepted, now)
        self.available[node.id] = node
        self._left.pop(node.id, None)
        return node, before

    def remove(self, node_id: str, now: float) -> RemoteNode | None:
        """Return the node *node_id*, which lives no more; None: it did not live."""
        node = self.available.pop(node_id, None)
        if node is not None:
            node.is_available = False
            node.last_seen = now
            while len(self._left) >= _MOST:
                del self._left[next(iter(self._left))]
            self._left[node_id] = node
        return node

    def silent(self, since: float) -> Iterable[str]:
        """The nodes without a packet after *since*."""
        return [node.id for node in self.available.values() if node.last_seen < since]

    def forget(self, now: float) -> None:
        """Forget nodes that have left long ago."""
        late = [one.id for one in self._left.values() if one.last_seen < now - _REMEMBERED]
        for node_id in late:
            del self._left[node_id]

    def protocols(self) -> list[str]:
        """The versions in which a packet for all must be sent, so that each node which lives reads
        it: Moleculer logs an error for each packet of another version than its own."""
        spoken = [node.protocols for node in self.available.values()]
        needed = {one[0] for one in spoken if len(one) == 1}
        needed.update(one[-1] for one in spoken if needed.isdisjoint(one))
        return sorted(needed)
