"""Counts messages that were not sent or not handled."""

import logging
from collections.abc import Mapping
from types import MappingProxyType

logger = logging.getLogger(__name__)

REASONS = {
    "wrong_version": "it has another version of the format; all processes need the same rxkernel",
    "wrong_signature": "its signature is wrong; scale.secret must be the same in all processes",
    "invalid": "it is invalid",
    "too_large": "it is larger than scale.max_message_size",
    "expired": "it is older than a minute, or the clocks of the machines differ; synchronize them",
    "replayed": "it was received before",
    "lost": "it was sent by another process and did not arrive",
    "overloaded": "too many received messages are being handled",
    "unsent": "the bus cannot be used, or scale.max_queue_size is reached",
}
"""Why a message was not delivered."""


class CountedMessages:
    """Counts messages by reason, and logs the first one of each reason.

    Attributes:
        counts: by reason, with the prefix ``bus.``.
    """

    def __init__(self) -> None:
        self._counts = dict.fromkeys((f"bus.{reason}" for reason in REASONS), 0)
        self.counts: Mapping[str, int] = MappingProxyType(self._counts)

    def add(self, reason: str, topic: str, number: int = 1) -> None:
        """Count *number* messages of *topic*, which were not delivered for *reason*."""
        key = f"bus.{reason}"
        if not self._counts[key]:
            logger.warning(
                "a message of the bus was not delivered (%.200s): %s; further ones are only "
                "counted, as %s",
                *(topic, REASONS[reason], key),
            )
        self._counts[key] += number
