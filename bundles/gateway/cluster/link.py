"""Sends the packets of this node."""

import logging
from collections import deque

from bundles.gateway.cluster.packets import PROTOCOLS, Command, Packet
from bundles.gateway.cluster.topics import Topics
from bundles.gateway.settings import GatewaySettings
from bundles.message_bus import BusUnavailableError, Transporter
from rxkernel import Serializer

logger = logging.getLogger(__name__)

_MOST_LATE = 1000
"""The maximum number of packets that wait for the bus; then the oldest one is dropped."""

_Late = tuple[Command, Packet, str, str]


class Link:
    """
    Attributes:
        accepted: the versions of the protocol that this node reads and writes.
        topics: the topics of the namespace of this node.
        encode: encodes a packet as JSON.
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
        self.encode = serializer.encode_json
        self._late: deque[_Late] = deque(maxlen=_MOST_LATE)

    async def send(
        self,
        command: Command,
        packet: Packet,
        node_id: str | None,
        protocol: str,
        sender: str | None = None,
    ) -> None:
        """Send *packet* in the version *protocol* to the node *node_id*; None: to all nodes.

        Args:
            sender: the name of the sender; None: the name of this node.

        Raises:
            BusUnavailableError, PacketTooLargeError: it was not sent.
            TypeError, ValueError, RecursionError: it cannot be encoded as JSON.
        """
        packet.sender, packet.ver = sender or self._node_id, protocol
        await self._transporter.publish(self.topics.of(command, node_id), self.encode(packet))

    async def deliver(self, command: Command, packet: Packet, node_id: str, protocol: str) -> None:
        """Send *packet*; if the bus is unavailable, send it later. For packets without which the
        node *node_id* would wait forever, since it may still be connected to the bus.

        Raises:
            PacketTooLargeError, TypeError, ValueError, RecursionError: see `send`.
        """
        try:
            await self.send(command, packet, node_id, protocol)
        except BusUnavailableError as exc:
            logger.debug("%s for %r waits for the bus: %s", command, node_id, exc)
            self._late.append((command, packet, node_id, protocol))

    async def deliver_late(self) -> None:
        """Send the packets that were not sent because the bus was unavailable."""
        late = tuple(self._late)
        self._late.clear()
        for packet in late:
            await self.deliver(*packet)
