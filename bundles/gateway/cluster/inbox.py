"""Reads the packets that a node receives, and calls the handler of each."""

import logging
from collections.abc import Callable, Mapping
from typing import Any

from bundles.gateway.cluster.dropped_packets import DroppedPackets
from bundles.gateway.cluster.link import Link
from bundles.gateway.cluster.members import Members
from bundles.gateway.cluster.packets import (
    Command,
    InfoPacket,
    InvalidPacketError,
    MessagePacket,
    read_packet,
)

logger = logging.getLogger(__name__)

Handler = Callable[[Any, str], None]
"""Handles a packet; the second argument is its topic. It must not wait."""

_NEED_A_NODE = (Command.REQUEST, Command.EVENT)


class Inbox:
    """Drops invalid packets, so that no packet of another node raises an exception here.

    Args:
        handlers: the handlers, by command.
        most_bytes: the maximum size of a packet; larger ones are dropped.
    """

    def __init__(
        self,
        node_id: str,
        link: Link,
        members: Members,
        dropped: DroppedPackets,
        handlers: Mapping[Command, Handler],
        most_bytes: int,
    ) -> None:
        self._node_id = node_id
        self._link = link
        self._members = members
        self._dropped = dropped
        self._handlers = handlers
        self._most_bytes = most_bytes

    def received(self, topic: str, data: bytes, now: float) -> None:
        """Handle one packet."""
        try:
            self._read(self._link.topics.received[topic], topic, data, now)
        except InvalidPacketError as exc:
            self._dropped.add(exc.reason, topic, str(exc), exc.node_id)
        except Exception:  # an error in this code must not stop the transporter
            logger.exception("a packet of the cluster was not handled (%s)", topic)

    def release(self, node_id: str) -> None:
        """Handle the packets of *node_id* that were kept until it was known."""
        for command, packet, topic in self._members.released(node_id):
            try:
                self._handlers[command](packet, topic)
            except InvalidPacketError as exc:
                self._dropped.add(exc.reason, topic, str(exc), exc.node_id)

    def _read(self, command: Command, topic: str, data: bytes, now: float) -> None:
        if len(data) > self._most_bytes:
            raise InvalidPacketError("too_large", f"it has {len(data)} bytes")
        packet = read_packet(command, data, self._link.accepted)
        sender = packet.sender
        if sender == self._node_id:
            if isinstance(packet, InfoPacket):
                self._members.conflict(packet)
            return
        node = self._members.table.available.get(sender)
        if node is not None:
            node.last_seen = now
        elif command in _NEED_A_NODE and isinstance(packet, MessagePacket):
            self._members.hold(command, packet, topic)
            return
        self._handlers[command](packet, topic)
