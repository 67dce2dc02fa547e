"""Sends messages in the background, in order, with a limit of waiting bytes."""

import asyncio
import logging
import time

from bundles.message_bus import BusUnavailableError, PacketTooLargeError, Transporter
from bundles.scale.bus.counted import CountedMessages

logger = logging.getLogger(__name__)

_SLOW = 0.25
"""Seconds without a reply after which the bus counts as unreachable."""


class Outbox:
    """`put` returns at once, even while the bus hangs.

    Args:
        max_size: most bytes that wait.
    """

    def __init__(self, transporter: Transporter, counted: CountedMessages, max_size: int) -> None:
        self._transporter = transporter
        self._counted = counted
        self._max_size = max_size
        self._waiting: list[tuple[str, bytes]] = []
        self._size = 0
        self._since: float | None = None
        self._sending: asyncio.Task[None] | None = None

    @property
    def is_slow(self) -> bool:
        """Whether the bus has not replied to earlier messages within `_SLOW` seconds."""
        return self._since is not None and time.monotonic() - self._since > _SLOW

    @property
    def size(self) -> int:
        """Bytes that wait."""
        return self._size

    def put(self, topic: str, frame: bytes) -> bool:
        """Send *frame*; return False if that is not possible."""
        if not self._transporter.is_connected or self._size + len(frame) > self._max_size:
            self._counted.add("unsent", topic)
            return False
        self._waiting.append((topic, frame))
        self._size += len(frame)
        if self._sending is None:
            self._sending = asyncio.create_task(self._send())
        return True

    async def flush(self) -> None:
        """Return when nothing waits."""
        if self._sending is not None:
            await asyncio.wait({self._sending})

    async def _send(self) -> None:
        publish = self._transporter.publish
        try:
            while self._waiting:
                batch, self._waiting = self._waiting, []
                self._since = time.monotonic()
                results = await asyncio.gather(
                    *(publish(topic, frame) for topic, frame in batch), return_exceptions=True
                )
                for (topic, frame), result in zip(batch, results, strict=True):
                    self._size -= len(frame)
                    self._settle(topic, result)
        finally:
            self._since = None
            self._sending = None

    def _settle(self, topic: str, result: BaseException | None) -> None:
        if isinstance(result, BusUnavailableError):
            self._counted.add("unsent", topic)
        elif isinstance(result, PacketTooLargeError):
            self._counted.add("too_large", topic)
        elif result is not None:
            self._counted.add("unsent", topic)
            logger.error("a message of the bus could not be sent", exc_info=result)
