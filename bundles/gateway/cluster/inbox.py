"""Reads the packets that a node receives, and calls the handler of each."""

import logging
from collections.abc import Callable, Mapping
from typing import Any

from bundles.gateway.cluster.dropped_packets import DroppedPackets
from bundles.gateway.cluster.link import Link
from bundles.gateway.cluster.members import Members
from bundles.gateway.cluster.packets import (
    Command,
    Envelope,
    InfoPacket,
    InvalidPacketError,
    MessagePacket,
    read_envelope,
    read_packet,
)

logger = logging.getLogger(__name__)

Handler = Callable[[Any, str], None]
"""Handles a packet; the second argument is its topic. It must not wait."""

EndCall = Callable[[Envelope, str], None]
"""Ends the call of a packet that was dropped; the second argument is the reason as text."""

_NEED_A_NODE = (Command.REQUEST, Command.EVENT)


class Inbox:
    """Drops invalid packets, so that no packet of another node raises an exception here.

    Args:
        handlers: the handlers, by command.
        enders: by command, what ends the calls of invalid packets. Otherwise callers would wait
            forever, since calls of Moleculer have no timeout by default.
        most_bytes: the maximum size of a packet; larger ones are dropped.
    """

    def __init__(
        self,
        node_id: str,
        link: Link,
        members: Members,
        dropped: DroppedPackets,
        handlers: Mapping[Command, Handler],
        enders: Mapping[Command, EndCall],
        most_bytes: int,
    ) -> None:
        self._node_id = node_id
        self._link = link
        self._members = members
        self._dropped = dropped
        self._handlers = handlers
        self._enders = enders
        self._most_bytes = most_bytes

    def received(self, topic: str, data: bytes, now: float) -> None:
        """Handle one packet."""
        command = self._link.topics.received[topic]
        try:
            try:
                self._read(command, topic, data, now)
            except InvalidPacketError as exc:
                self._drop(command, topic, exc, data)
        except Exception:  # an error in this code must not stop the transporter
            logger.exception("a packet of the cluster was not handled (%s)", topic)

    def release(self, node_id: str) -> None:
        """Handle the packets of *node_id* that were kept until it was known."""
        for command, packet, topic in self._members.released(node_id):
            try:
                self._handlers[command](packet, topic)
            except InvalidPacketError as exc:
                self._drop(command, topic, exc, self._link.encode(packet))

    def _drop(self, command: Command, topic: str, exc: InvalidPacketError, data: bytes) -> None:
        """Count *data*, and end its call."""
        self._dropped.add(exc.reason, topic, str(exc), exc.node_id)
        end = self._enders.get(command)
        envelope = None if end is None else read_envelope(data)
        if end is None or envelope is None or not envelope.id:
            return
        is_known = envelope.sender in self._members.table.available
        if is_known and envelope.ver in self._link.accepted:
            end(envelope, str(exc))

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
