"""Counts and logs packets that are dropped."""

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
"""The reasons for which packets are dropped, with their texts for the log."""


_MOST_LOGGED = 20
"""The maximum number of nodes that are logged for each reason."""


class DroppedPackets:
    """Counts all dropped packets, and logs the first one for each reason. If the version of the
    protocol is wrong, it logs the first one of each node.

    Attributes:
        counts: the numbers of packets, by reason.
    """

    def __init__(self) -> None:
        self._logged: dict[str, set[str]] = {}
        self._counts = dict.fromkeys(_REASONS, 0)
        self.counts: Mapping[str, int] = MappingProxyType(self._counts)

    @property
    def total(self) -> int:
        return sum(self._counts.values())

    def add(self, reason: str, topic: str, text: str, node_id: str = "") -> None:
        """Count a packet of *topic*.

        Args:
            text: what is wrong with it, for the log.
            node_id: if given, the first packet of each node is logged.
        """
        self._counts[reason] += 1
        logged = self._logged.setdefault(reason, set())
        if node_id not in logged and len(logged) < _MOST_LOGGED:
            logged.add(node_id)
            logger.warning(
                "a packet of the cluster was dropped (%s): %.500s; further packets that %s are "
                "only counted",
                topic,
                text,
                _REASONS[reason],
            )
