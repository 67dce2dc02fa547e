"""Sends packets of this node."""

import logging
from collections import deque

from bundles.gateway.cluster.packets import PROTOCOLS, Command, Packet
from bundles.gateway.cluster.topics import Topics
from bundles.gateway.settings import GatewaySettings
from bundles.message_bus import BusUnavailableError, Transporter
from rxkernel import Serializer

logger = logging.getLogger(__name__)

_MOST_LATE = 1000
"""Packets that wait for the bus; the oldest is dropped for another one."""

_Late = tuple[Command, Packet, str, str]


class Link:
    """
    Attributes:
        accepted: the versions of the protocol that this node reads and writes.
        topics: those of its namespace.
        encode: writes JSON.
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
        """Send *packet* to the node *node_id*, which gets *protocol*; None: to all nodes.

        Args:
            sender: None: the name of this node.

        Raises:
            BusUnavailableError, PacketTooLargeError: it was not sent.
            TypeError, ValueError, RecursionError: it has a value that JSON cannot hold.
        """
        packet.sender, packet.ver = sender or self._node_id, protocol
        await self._transporter.publish(self.topics.of(command, node_id), self.encode(packet))

    async def deliver(self, command: Command, packet: Packet, node_id: str, protocol: str) -> None:
        """As `send`, or later if the bus is away: a packet without which the node *node_id* would
        wait without end. It may have kept its own connection to the bus.

        Raises:
            PacketTooLargeError, TypeError, ValueError, RecursionError: see `send`.
        """
        try:
            await self.send(command, packet, node_id, protocol)
        except BusUnavailableError as exc:
            logger.debug("%s for %r waits for the bus: %s", command, node_id, exc)
            self._late.append((command, packet, node_id, protocol))

    async def deliver_late(self) -> None:
        """Send what was not sent because the bus was away."""
        late = tuple(self._late)
        self._late.clear()
        for packet in late:
            await self.deliver(*packet)
