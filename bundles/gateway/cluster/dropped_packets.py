"""Counts packets that cannot be used."""

import logging
from collections.abc import Mapping
from types import MappingProxyType

logger = logging.getLogger(__name__)

_REASONS = {
    "wrong_version": "have another version of the protocol",
    "not_json": "are not JSON",
    "invalid": "are invalid",
    "too_large": "are larger than gateway.max_packet_size",
    "unknown_sender": "are from a node that does not introduce itself",
    "late_response": "are responses to calls that have ended, such as those that timed out",
    "unexpected_response": "are responses to no call",
    "replayed": "were received before",
    "too_many_nodes": "are from more nodes than a cluster may have",
}
"""What the packets are, by the reason to drop them."""


class DroppedPackets:
    """Logs the first packet of each reason, and counts all.

    Attributes:
        counts: by reason.
    """

    def __init__(self) -> None:
        self._counts = dict.fromkeys(_REASONS, 0)
        self.counts: Mapping[str, int] = MappingProxyType(self._counts)

    def add(self, reason: str, topic: str, text: str) -> None:
        """Count a packet of *topic*; *text* says why it was dropped."""
        self._counts[reason] += 1
        if self._counts[reason] == 1:
            logger.warning(
                "a packet of the cluster was dropped (%s): %.500s; further packets that %s are "
                "counted only",
                topic,
                text,
                _REASONS[reason],
            )
