"""Sends packets of this node."""

from bundles.gateway.cluster.packets import PROTOCOLS, Command, Packet
from bundles.gateway.cluster.topics import Topics
from bundles.gateway.cluster.transporter import Transporter
from bundles.gateway.settings import GatewaySettings
from rxkernel import Serializer


class Link:
    """
    Attributes:
        accepted: the versions of the protocol that this node reads and writes.
        topics: those of its namespace.
    """

    def __init__(
        self, transporter: Transporter, settings: GatewaySettings, serializer: Serializer
    ) -> None:
        self.accepted: tuple[str, ...] = PROTOCOLS
        if settings.protocol != "auto":
            self.accepted = (settings.protocol,)
        self.topics = Topics(settings.namespace, settings.node_id)
        self._node_id = settings.node_id
        self._transporter = transporter
        self._encode = serializer.encode_json

    async def send(
        self,
        command: Command,
        packet: Packet,
        node_id: str | None,
        protocol: str,
        sender: str | None = None,
    ) -> None:
        """Send *packet* to the node *node_id*, which gets *protocol*; None: to all nodes.

        Args:
            sender: None: the name of this node.

        Raises:
            BusUnavailableError, PacketTooLargeError: it was not sent.
            TypeError, ValueError, RecursionError: it has a value that JSON cannot hold.
        """
        packet.sender, packet.ver = sender or self._node_id, protocol
        await self._transporter.publish(self.topics.of(command, node_id), self._encode(packet))
