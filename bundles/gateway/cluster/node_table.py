"""The other nodes of the cluster."""

from collections.abc import Iterable, Iterator

from bundles.gateway.cluster.packets import InfoPacket
from bundles.gateway.cluster.remote_node import RemoteNode

_MOST = 1000
"""The maximum number of nodes in the table, including those that have left."""

_REMEMBERED = 600.0
"""Seconds for which a node that has left stays in the table."""


class TooManyNodesError(Exception):
    """The table is full, and all its nodes are alive."""


class NodeTable:
    """
    Attributes:
        available: the nodes that are alive, by their names, in the order in which they joined.
    """

    def __init__(self, accepted: tuple[str, ...]) -> None:
        self.available: dict[str, RemoteNode] = {}
        self._left: dict[str, RemoteNode] = {}
        self._accepted = accepted

    def __iter__(self) -> Iterator[RemoteNode]:
        """Iterate over all nodes, including those that have left."""
        yield from self.available.values()
        yield from self._left.values()

    def add(self, packet: InfoPacket, now: float) -> tuple[RemoteNode, RemoteNode | None] | None:
        """Store the information in *packet*. Return the new and the previous node; None if
        nothing has changed.

        Raises:
            TooManyNodesError: the table is full, so the node was not added.
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
        """Mark the node *node_id* as left, and return it; None: it was not alive."""
        node = self.available.pop(node_id, None)
        if node is not None:
            node.is_available = False
            node.last_seen = now
            while len(self._left) >= _MOST:
                del self._left[next(iter(self._left))]
            self._left[node_id] = node
        return node

    def silent(self, since: float) -> Iterable[str]:
        """Return the nodes whose last packet came before *since*."""
        return [node.id for node in self.available.values() if node.last_seen < since]

    def forget(self, now: float) -> None:
        """Remove the nodes that left long ago."""
        late = [one.id for one in self._left.values() if one.last_seen < now - _REMEMBERED]
        for node_id in late:
            del self._left[node_id]

    def protocols(self) -> list[str]:
        """The versions in which a packet for all nodes must be sent, so that each node that is
        alive can read it. Moleculer logs an error for each packet of a version not its own."""
        spoken = [node.protocols for node in self.available.values()]
        needed = {one[0] for one in spoken if len(one) == 1}
        needed.update(one[-1] for one in spoken if needed.isdisjoint(one))
        return sorted(needed)
