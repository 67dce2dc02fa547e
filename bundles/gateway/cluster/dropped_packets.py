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
    "late_response": "are responses to calls that have ended",
    "unexpected_response": "are responses to no call",
    "replayed": "were received before",
    "too_many_nodes": "are from more nodes than a cluster may have",
}
"""What the packets are, by the reason to drop them."""


_MOST_LOGGED = 20
"""Nodes whose packets are logged for one reason."""


class DroppedPackets:
    """Logs the first packet of each reason, and for packets of another version that of each node;
    counts all.

    Attributes:
        counts: by reason.
    """

    def __init__(self) -> None:
        self._logged: dict[str, set[str]] = {}
        self._counts = dict.fromkeys(_REASONS, 0)
        self.counts: Mapping[str, int] = MappingProxyType(self._counts)

    @property
    def total(self) -> int:
        return sum(self._counts.values())

    def add(self, reason: str, topic: str, text: str, node_id: str = "") -> None:
        """Count a packet of *topic*; *text* is the reason.

        Args:
            node_id: the first packet of each is logged.
        """
        self._counts[reason] += 1
        logged = self._logged.setdefault(reason, set())
        if node_id not in logged and len(logged) < _MOST_LOGGED:
            logged.add(node_id)
            logger.warning(
                "a packet of the cluster was dropped (%s): %.500s; further packets that %s are "
                "counted only",
                topic,
                text,
                _REASONS[reason],
            )
